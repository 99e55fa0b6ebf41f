package demo

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Find takes up a workspace that an earlier demo left, holding its lock, without setting anything
// up: so that it can be removed. Nil without an error means that there is none.
func Find(stateDir string, withDocker bool) (*Workspace, error) {
	w := &Workspace{Docker: withDocker, Reused: true, root: filepath.Join(stateDir, "demo", kindName(withDocker))}
	w.Dir = filepath.Join(w.root, "shop")
	if _, err := os.Stat(w.root); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err := w.lock(); err != nil {
		return nil, err
	}
	k, there, err := w.load()
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	if there {
		w.Project = k.Project
	}
	return w, nil
}
