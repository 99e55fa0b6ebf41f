package demo

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"

	"flightdeck/internal/docker"
	"flightdeck/internal/stack"
)

// builder is what is needed of an engine to build images on it.
type builder interface {
	BuildImage(ctx context.Context, tag, dockerfile string, files map[string]docker.File, labels map[string]string) error
}

// demoLabel marks our images, so that they can be told from the user's.
const demoLabel = "flightdeck.demo"

// buildImages builds name:version for each version out of the program, without any registry: one
// image holds the program, and each version is that image with another environment.
func buildImages(ctx context.Context, b builder, program, name string, versions []string, say stack.Say) error {
	if runtime.GOOS != "linux" {
		return &stack.Error{
			What: "the demo cannot build docker images on " + runtime.GOOS,
			Why:  "its images hold flightdeck itself, and this one is not a linux program", Do: "Use `flightdeck demo --local`",
		}
	}
	files, err := programFiles(program)
	if err != nil {
		return &stack.Error{What: "cannot pack flightdeck into an image", Why: err.Error(), Do: "Use `flightdeck demo --local`", Err: err}
	}
	say("building image " + name + " from this program")
	// root is the whole context besides the Dockerfile, so that every file keeps its path.
	base := "FROM scratch\nCOPY root/ /\nENTRYPOINT [\"/flightdeck\", \"__shop\"]\n"
	labels := map[string]string{demoLabel: name}
	if err := b.BuildImage(ctx, name+":base", base, files, labels); err != nil {
		return err
	}
	for _, v := range versions {
		dockerfile := fmt.Sprintf("FROM %s:base\nENV SHOP_VERSION=%s\n", name, v)
		own := map[string]string{demoLabel: name, "org.opencontainers.image.version": v, "org.opencontainers.image.title": "shop"}
		if err := b.BuildImage(ctx, name+":"+v, dockerfile, nil, own); err != nil {
			return err
		}
		say("image " + name + ":" + v + " is ready")
	}
	return nil
}

// programFiles gives the program and, if it is linked dynamically as `go run` may do it, the
// interpreter and the libraries it needs, each at the path where it is looked for.
func programFiles(program string) (map[string]docker.File, error) {
	files := map[string]docker.File{}
	add := func(from, to string) error {
		raw, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		files["root"+to] = docker.File{Data: raw, Executable: true}
		return nil
	}
	if err := add(program, "/flightdeck"); err != nil {
		return nil, err
	}
	interpreter, needs, err := linkage(program)
	if err != nil {
		return nil, err
	}
	if interpreter == "" {
		return files, nil
	}
	if err := add(interpreter, interpreter); err != nil {
		return nil, err
	}
	seen := map[string]bool{filepath.Base(interpreter): true}
	for len(needs) > 0 {
		name := needs[0]
		needs = needs[1:]
		if seen[name] {
			continue
		}
		seen[name] = true
		from, err := library(name, path.Dir(interpreter))
		if err != nil {
			return nil, err
		}
		if err := add(from, from); err != nil {
			return nil, err
		}
		_, more, err := linkage(from)
		if err != nil {
			return nil, err
		}
		needs = append(needs, more...)
	}
	return files, nil
}

// linkage gives the interpreter ("" for a static program) and the names of the libraries needed.
func linkage(file string) (interpreter string, needs []string, err error) {
	f, err := elf.Open(file)
	if err != nil {
		return "", nil, fmt.Errorf("%s: %w", file, err)
	}
	defer f.Close() // it was only read
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			raw := make([]byte, p.Filesz)
			if _, err := p.ReadAt(raw, 0); err != nil {
				return "", nil, fmt.Errorf("%s: %w", file, err)
			}
			interpreter = strings.TrimRight(string(raw), "\x00")
		}
	}
	needs, err = f.ImportedLibraries()
	return interpreter, needs, err
}

// library finds a shared library in the usual directories.
func library(name, beside string) (string, error) {
	dirs := []string{beside, "/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib"}
	for _, pattern := range []string{"/lib/*-linux-*", "/usr/lib/*-linux-*"} {
		more, err := filepath.Glob(pattern)
		if err != nil {
			return "", err
		}
		// The machine's own kind of program first: others may be installed beside it.
		for _, d := range more {
			if strings.HasPrefix(filepath.Base(d), machine()+"-") {
				dirs = append(dirs, d)
			}
		}
	}
	for _, d := range dirs {
		at := filepath.Join(d, name)
		if _, err := os.Stat(at); err == nil {
			return at, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return "", fmt.Errorf("library %s is in none of the usual directories", name)
}

// machine is the name of the processor as directories of libraries have it.
func machine() string {
	switch runtime.GOARCH {
	case "amd64":
		return "x86_64"
	case "arm64":
		return "aarch64"
	}
	return runtime.GOARCH
}
