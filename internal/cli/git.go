package cli

import (
	"context"
	"os/exec"
	"strings"
	"time"

	"flightdeck/internal/clean"
)

// revision is what git says of the project's directory; all empty outside a repository.
type revision struct {
	branch, commit string
	dirty          bool
}

// readGit asks git, with a short limit: a slow or missing git never stops a deploy.
func readGit(ctx context.Context, dir string) revision {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	git := func(args ...string) (string, bool) {
		out, err := exec.CommandContext(ctx, "git", append([]string{"-C", dir}, args...)...).Output()
		return clean.Name(strings.TrimSpace(string(out))), err == nil
	}
	var r revision
	commit, ok := git("rev-parse", "--short", "HEAD")
	if !ok {
		return r
	}
	r.commit = commit
	r.branch, _ = git("rev-parse", "--abbrev-ref", "HEAD")
	status, ok := git("status", "--porcelain", "--untracked-files=no", "--", ".")
	r.dirty = ok && status != ""
	return r
}
