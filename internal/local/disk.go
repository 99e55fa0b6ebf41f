package local

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// The data directory:
//
//	change.lock                       held while a deploy or a rollback changes something
//	images/<hex>/flightdeck           the programs of the releases
//	volumes/<name>/                   data
//	services/<service>/current        the ID of the instance that counts
//	services/<service>/<id>/          spec.json, state.json, log, supervisor.lock, process.lock
//	ledger/<id>.json                  the releases
type layout string

func (d layout) changeLock() string { return filepath.Join(string(d), "change.lock") }
func (d layout) image(digest string) string {
	return filepath.Join(string(d), "images", strings.TrimPrefix(digest, "sha256:"), self)
}
func (d layout) volume(name string) string       { return filepath.Join(string(d), "volumes", name) }
func (d layout) services() string                { return filepath.Join(string(d), "services") }
func (d layout) service(name string) string      { return filepath.Join(string(d), "services", name) }
func (d layout) current(name string) string      { return filepath.Join(d.service(name), "current") }
func (d layout) instance(name, id string) string { return filepath.Join(d.service(name), id) }
func (d layout) ledger() string                  { return filepath.Join(string(d), "ledger") }
func (d layout) release(id string) string        { return filepath.Join(d.ledger(), id+".json") }
func (d layout) lastRollback() string            { return filepath.Join(string(d), "last-rollback.json") }

// newID gives 12 hex digits, as containers have.
func newID() string {
	var raw [6]byte
	_, _ = rand.Read(raw[:]) // never fails, by its documentation
	return hex.EncodeToString(raw[:])
}

// writeFile replaces a file as a whole and syncs it, so that a crash leaves the old or the new one.
func writeFile(path string, raw []byte, synced bool) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(raw)
	if err == nil && synced {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil || !synced {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func writeJSON(path string, value any, synced bool) error {
	raw, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(path, append(raw, '\n'), synced)
}

func readJSON(path string, into any) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// storeProgram copies a program to its place by digest, once.
func (d layout) storeProgram(from, digest string) error {
	to := d.image(digest)
	if _, err := os.Stat(to); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.CreateTemp(filepath.Dir(to), ".new-*")
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err == nil {
		err = out.Chmod(0o700)
	}
	if err == nil {
		err = out.Sync()
	}
	if err = errors.Join(err, out.Close()); err == nil {
		err = os.Rename(out.Name(), to)
	}
	if err != nil {
		return errors.Join(err, os.Remove(out.Name()))
	}
	return nil
}
