package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"flightdeck/internal/demo"
	"flightdeck/internal/docker"
	"flightdeck/internal/journal"
	"flightdeck/internal/run"
)

type demoFlags struct {
	docker, local, keep, clean bool
	release, fault             string
	how                        how
}

func newDemo(env Env) *cobra.Command {
	var f demoFlags
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Fly a real deploy of a sample shop",
		Long: `Sets up a small but real web shop (storefront, backend, worker, database), with containers if a
docker engine answers and with local processes if not, and lands you in the cockpit on the deploy of
its next release to production. Afterwards everything is taken away again; nothing else is touched.

v2 is good and brings migrations. v3 looks good and turns bad after some seconds: watch it happen,
then press R.`,
		Example: `  flightdeck demo
  flightdeck demo --release v3                  deploy the bad release, then press R
  flightdeck demo --release v3 --fault crash    ready, errors, latency or crash
  flightdeck demo --local                       no docker needed
  flightdeck demo --keep                        leave the shop running; --clean removes it later`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return flyDemo(cmd.Context(), env, f) },
	}
	fl := cmd.Flags()
	fl.BoolVar(&f.docker, "docker", false, "containers, or fail")
	fl.BoolVar(&f.local, "local", false, "local processes, no docker")
	fl.BoolVar(&f.keep, "keep", false, "leave the shop running afterwards")
	fl.BoolVar(&f.clean, "clean", false, "remove what an earlier demo left, and do nothing else")
	fl.StringVar(&f.release, "release", "v2", "`VERSION` to deploy: v1, v2 (good) or v3 (bad)")
	fl.StringVar(&f.fault, "fault", "", "what is wrong with v3: ready, errors, latency or crash")
	f.how.flags(cmd)
	return cmd
}

func (f demoFlags) check() error {
	switch {
	case f.docker && f.local:
		return usage("--docker and --local exclude each other")
	case !oneOf(f.release, demo.Versions()...):
		return usage("the sample shop has the releases %s, not %q", strings.Join(demo.Versions(), ", "), f.release)
	case f.fault != "" && !oneOf(f.fault, "ready", "errors", "latency", "crash"):
		return usage("--fault is ready, errors, latency or crash, not %q", f.fault)
	case f.fault != "" && f.release != "v3":
		return usage("--fault belongs to the bad release: add --release v3")
	}
	return nil
}

func oneOf(s string, all ...string) bool {
	for _, a := range all {
		if s == a {
			return true
		}
	}
	return false
}

func flyDemo(ctx context.Context, e Env, f demoFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	state, err := journal.StateDir(e.Getenv)
	if err != nil {
		return err
	}
	if f.clean {
		return cleanDemo(ctx, e, state)
	}
	if err := f.how.check(e); err != nil {
		return err
	}
	withDocker, err := f.pick(ctx, e)
	if err != nil {
		return err
	}
	if f.fault != "" {
		// The compose file and the local processes alike take it from the environment.
		if err := os.Setenv("SHOP_FAULT", f.fault); err != nil {
			return err
		}
	}
	w, err := prepare(ctx, e, state, withDocker)
	if err != nil {
		return err
	}
	return f.inShop(ctx, e, w)
}

// pick says which way the demo goes, and why.
func (f demoFlags) pick(ctx context.Context, e Env) (withDocker bool, err error) {
	switch {
	case f.local:
		fmt.Fprintln(e.Stdout, "Local processes, because of --local.")
		return false, nil
	case f.docker:
		if err := docker.Reachable(ctx, docker.Project{Name: "flightdeck-demo"}); err != nil {
			return false, err
		}
		fmt.Fprintln(e.Stdout, "Containers, because of --docker.")
		return true, nil
	}
	withDocker, why := demo.Pick(ctx)
	if withDocker {
		why += " (--local does without)"
	}
	fmt.Fprintf(e.Stdout, "%s.\n", safe(why))
	return withDocker, nil
}

// prepare sets the shop up. Interrupted or failed, it takes away what it had begun.
func prepare(ctx context.Context, e Env, state string, withDocker bool) (*demo.Workspace, error) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	w, err := demo.Prepare(ctx, demo.Options{StateDir: state, Docker: withDocker,
		Say: func(text string) { fmt.Fprintf(e.Stdout, "  %s\n", safe(text)) }})
	if err == nil {
		return w, nil
	}
	interrupted := ctx.Err() != nil
	if w != nil && !w.Reused {
		err = errors.Join(err, w.Remove(context.WithoutCancel(ctx)))
	}
	if interrupted {
		return nil, &exit{code: exitInterrupted, err: errors.New("interrupted while the shop was set up; it was taken away again")}
	}
	return nil, err
}

func (f demoFlags) inShop(ctx context.Context, e Env, w *demo.Workspace) error {
	o := order{mode: run.ModeDeploy, version: f.release, hint: hintFor(f.release)}
	p, err := open(ctx, e, w.Dir, demo.Production)
	if err != nil {
		return errors.Join(err, w.Close())
	}
	f.how.named = true
	if f.how.dryRun {
		err = dryRun(ctx, e, p, o, f.how)
	} else {
		err = fly(ctx, e, p, o, f.how)
	}
	_, waiting, lookErr := p.unfinished(run.ModeRollback)
	err = errors.Join(err, lookErr, p.close())
	if waiting || f.keep {
		next := "  flightdeck deploy production --release v3     the bad release"
		if waiting {
			next = "  flightdeck demo                               takes the run up again"
		}
		fmt.Fprintf(e.Stdout, "The shop goes on running at %s\n%s\n  flightdeck demo --clean                       takes the shop away\n"+
			"Its project, for all other commands:\n  cd %s\n", w.URLs[demo.Production], next, w.Dir)
		return errors.Join(err, w.Close())
	}
	fmt.Fprintln(e.Stdout, "Taking the shop away …")
	return errors.Join(err, w.Remove(context.WithoutCancel(ctx)))
}

func hintFor(version string) string {
	if version == "v3" {
		return "This is the sample shop, and v3 is bad: deploy it, watch the logs and probes turn, then press R"
	}
	return "This is the sample shop: nothing you do here can hurt. Enter does the next thing, ? shows all keys"
}

// cleanDemo removes what earlier demos left, of both kinds.
func cleanDemo(ctx context.Context, e Env, state string) error {
	var errs []error
	for _, withDocker := range []bool{true, false} {
		w, there, err := demo.Find(state, withDocker)
		if err != nil || !there {
			errs = append(errs, err)
			continue
		}
		fmt.Fprintf(e.Stdout, "Removing %s …\n", w.Dir)
		errs = append(errs, w.Remove(ctx))
	}
	return errors.Join(errs...)
}
