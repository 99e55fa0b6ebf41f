package story

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"flightdeck/internal/release"
)

// Took writes a duration for people, with its unit: "0.4 s", "12 s", "1m04s", "3h12m", "3d2h".
// Negative durations count as none.
func Took(d time.Duration) string {
	switch {
	case d < 0:
		return "0 s"
	case d < time.Millisecond && d > 0:
		return "< 1 ms"
	case d < 100*time.Millisecond && d > 0:
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	case d < 10*time.Second:
		return strconv.FormatFloat(float64(d.Truncate(100*time.Millisecond))/float64(time.Second), 'f', 1, 64) + " s"
	case d < time.Minute:
		return strconv.Itoa(int(d/time.Second)) + " s"
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd%dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}

func or(s, otherwise string) string {
	if strings.TrimSpace(s) == "" {
		return otherwise
	}
	return s
}

func by(who string) string {
	if who == "" {
		return ""
	}
	return " by " + who
}

func because(reason string) string {
	if strings.TrimSpace(reason) == "" {
		return ""
	}
	return ": " + reason
}

func dash(reason string) string {
	if strings.TrimSpace(reason) == "" {
		return ""
	}
	return ", " + reason
}

// attempt is silent about the first one: only a repetition is news.
func attempt(n int) string {
	if n < 2 {
		return ""
	}
	return ", attempt " + strconv.Itoa(n)
}

func took(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return " in " + Took(d)
}

func after(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return " after " + Took(d)
}

func fromTo(before string, from, to release.Ref, behind string) string {
	if from == (release.Ref{}) && to == (release.Ref{}) {
		return ""
	}
	return before + from.String() + " → " + to.String() + behind
}

func short(commit string) string {
	if len(commit) > 7 {
		return commit[:7]
	}
	return commit
}

func firstLine(command string) string {
	command = strings.TrimSpace(command)
	line, rest, more := strings.Cut(command, "\n")
	if !more {
		return line
	}
	return fmt.Sprintf("%s (+%d lines)", line, strings.Count(rest, "\n")+1)
}

func signal(name string) string {
	if name == "" {
		return "a signal"
	}
	if strings.HasPrefix(name, "SIG") {
		return name
	}
	return "SIG" + name
}
