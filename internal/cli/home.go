package cli

import (
	"context"
	"errors"
	"os"
	"time"

	"flightdeck/internal/config"
	"flightdeck/internal/run"
	"flightdeck/ui"
	"flightdeck/ui/home"
)

// homeScreen shows the environments until the operator chooses something; without a terminal it
// prints them once, as `status` does.
func homeScreen(ctx context.Context, e Env) error {
	project, err := config.Load(".", e.Getenv)
	if err != nil {
		return &exit{code: exitUsage, err: err}
	}
	if !e.terminal() {
		all, err := statuses(ctx, e, "")
		if err != nil {
			return err
		}
		return printStatus(e, all)
	}
	in, out := e.Stdin.(*os.File), e.Stdout.(*os.File)
	o := home.Options{Project: project.Name, Source: source{e}, Theme: theme(e), Zone: time.Local, Now: e.Now}
	for {
		forget(in)
		choice, err := ui.RunHome(ctx, o, in, out)
		if errors.Is(err, ui.ErrSignal) {
			return quiet(exitInterrupted)
		}
		if err != nil || choice.Verb == home.Leave {
			return err
		}
		if choice.Verb == home.Show {
			return show(e, choice.Run, false)
		}
		mode := run.ModeDeploy
		if choice.Verb == home.RollBack {
			mode = run.ModeRollback
		}
		// Back to the environments afterwards; what was refused is said there, not lost.
		o.Select, o.Notice = choice.Environment, ""
		err = flyIn(ctx, e, []string{choice.Environment}, order{mode: mode}, how{})
		var ended *exit
		if err != nil && (!errors.As(err, &ended) || !ended.silent) {
			o.Notice = err.Error()
		}
	}
}

// source gives the home screen what status and history know.
type source struct{ env Env }

// Rows asks every environment's target; one that does not answer is a row that says so.
func (s source) Rows(ctx context.Context) ([]home.Row, error) {
	all, err := statuses(ctx, s.env, "")
	if err != nil {
		return nil, err
	}
	now := s.env.Now()
	rows := make([]home.Row, len(all))
	for i, st := range all {
		rows[i] = home.Row{Environment: st.Environment, Class: st.Class, Host: st.Target, Healthy: st.Up, Services: st.Total,
			Lock: st.Lock, Err: st.Error}
		if st.Total > 0 {
			rows[i].Release = st.Release.String()
		}
		if st.RunningFor > 0 {
			rows[i].Since = now.Add(-st.RunningFor)
		}
		if l := st.LastRun; l != nil {
			rows[i].Last = home.Past{Run: l.Run, Mode: l.Mode, Outcome: l.Outcome, By: l.Operator, At: l.At}
			if l.Stage != run.Over && !l.Live {
				rows[i].Open = l.Run
			}
		}
	}
	return rows, nil
}

// History lists the runs of one environment, newest first.
func (s source) History(_ context.Context, environment string) ([]home.Past, error) {
	all, err := history(s.env, environment)
	if err != nil {
		return nil, err
	}
	var out []home.Past
	for _, p := range all {
		if p.Error == "" {
			out = append(out, home.Past{Run: p.Run, Mode: p.Mode, Outcome: p.Outcome, By: p.Operator, At: p.At, From: p.From, To: p.To})
		}
	}
	return out, nil
}

// theme is what the operator wants of the colours; "" asks the terminal, and not every terminal
// (tmux, for one) answers.
func theme(e Env) string {
	if t := e.Getenv("FLIGHTDECK_THEME"); t == "light" || t == "dark" {
		return t
	}
	return ""
}
