package demo

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	mathrand "math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"

	"flightdeck/examples"
)

// portNames are the variables of an env file that hold a port; only the first is used by compose.
func portNames() []string {
	return []string{"SHOP_PORT", "SHOP_BACKEND_PORT", "SHOP_WORKER_PORT", "SHOP_DATABASE_PORT"}
}

// files makes sure that the project is there: a name and ports that never change again, and every
// file of the example. A file that is there stays, for the user may have edited it.
func (w *Workspace) files(ctx context.Context) (kept, error) {
	k, there, err := w.load()
	if err != nil {
		return k, err
	}
	if !there {
		k = kept{Format: format, Project: "flightdeck-demo-" + suffix(), Docker: w.Docker}
		if k.Ports, err = freePorts(ctx); err != nil {
			return k, err
		}
		// The name is kept before anything bears it, so that Remove finds everything.
		if err := w.save(k); err != nil {
			return k, err
		}
	}
	w.Project, w.Reused = k.Project, k.Ready
	err = fs.WalkDir(examples.Shop(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return w.file(k, name)
	})
	if err != nil {
		return k, err
	}
	k.Ready = true
	return k, w.save(k)
}

func (w *Workspace) file(k kept, name string) error {
	to := filepath.Join(w.Dir, filepath.FromSlash(name))
	if _, err := os.Stat(to); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	raw, err := fs.ReadFile(examples.Shop(), name)
	if err != nil {
		return err
	}
	text := string(raw)
	switch {
	case name == "flightdeck.yaml":
		text, err = k.configuration(text)
	case strings.HasPrefix(name, ".env."):
		text = k.environment(strings.TrimPrefix(name, ".env."))
	}
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	return os.WriteFile(to, []byte(text), 0o600)
}

// configuration puts the names and URLs of this workspace into flightdeck.yaml.
func (k kept) configuration(text string) (string, error) {
	replace := [][2]string{{"project: shop\n", "project: " + k.Project + "\n"}}
	for env, port := range map[string]string{Production: "8080", Staging: "8090"} {
		replace = append(replace,
			[2]string{"project: shop-" + env + "\n", "project: " + k.Project + "-" + env + "\n"},
			[2]string{"http://127.0.0.1:" + port + "\n", fmt.Sprintf("http://127.0.0.1:%d\n", k.Ports[env+" SHOP_PORT"])})
	}
	if !k.Docker {
		replace = append(replace, [2]string{"stack: compose\n", "stack: local\n"})
	}
	for _, r := range replace {
		if !strings.Contains(text, r[0]) {
			return "", fmt.Errorf("the example's flightdeck.yaml has no %q", strings.TrimSpace(r[0]))
		}
		text = strings.ReplaceAll(text, r[0], r[1])
	}
	return text, nil
}

// environment is the env file of an environment.
func (k kept) environment(env string) string {
	every := "2s"
	if env == Staging {
		every = "5s" // it is only looked at, so it need not keep the machine busy
	}
	lines := []string{"# Made by flightdeck demo.", "# The release that a deploy brings when the command line names none.",
		"SHOP_VERSION=" + nextGood, "SHOP_IMAGE=" + k.Project, "SHOP_HEALTH_EVERY=" + every}
	for _, name := range portNames() {
		lines = append(lines, fmt.Sprintf("%s=%d", name, k.Ports[env+" "+name]))
	}
	return strings.Join(lines, "\n") + "\n"
}

func (w *Workspace) save(k kept) error {
	raw, err := json.MarshalIndent(k, "", "  ")
	if err != nil {
		return err
	}
	to := filepath.Join(w.root, "workspace.json")
	if err := os.WriteFile(to+".new", append(raw, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(to+".new", to)
}

// suffix makes the name of a workspace its own, also on an engine that others share.
func suffix() string {
	var raw [3]byte
	_, _ = rand.Read(raw[:]) // never fails, by its documentation
	return hex.EncodeToString(raw[:])
}

// freePorts chooses a port for every name of every environment: neighbours, so that two demos that
// are prepared at the same time hardly ever choose the same. They lie below the range from which
// systems take the ports of outgoing connections, so that they are still free when a service is
// started again.
func freePorts(ctx context.Context) (map[string]int, error) {
	var places []string
	for _, env := range environments() {
		for _, name := range portNames() {
			places = append(places, env+" "+name)
		}
	}
	var err error
	for range 100 {
		first := 20000 + len(places)*mathrand.IntN(10000/len(places))
		if err = allFree(ctx, first, len(places)); err != nil {
			continue
		}
		ports := map[string]int{}
		for i, place := range places {
			ports[place] = first + i
		}
		return ports, nil
	}
	return nil, fmt.Errorf("no free ports were found: %w", err)
}

// allFree says why one of the n ports from first on cannot be listened on.
func allFree(ctx context.Context, first, n int) error {
	var config net.ListenConfig
	for port := first; port < first+n; port++ {
		l, err := config.Listen(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return err
		}
		if err := l.Close(); err != nil {
			return err
		}
	}
	return nil
}
