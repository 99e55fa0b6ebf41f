package story

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"flightdeck/internal/release"
)

// Took is how long something took, for people: "37 ms", "0.4 s", "12 s", then as Age. Negative
// durations count as none.
func Took(d time.Duration) string {
	switch {
	case d < 0 || d >= 10*time.Second:
		return Age(d)
	case d < time.Millisecond && d > 0:
		return "< 1 ms"
	case d < 100*time.Millisecond && d > 0:
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	}
	return strconv.FormatFloat(float64(d.Truncate(100*time.Millisecond))/float64(time.Second), 'f', 1, 64) + " s"
}

// Age is a short age: "12 s", "7m31s", "3h 12m", "26h 10m", "3d 2h". A negative one is "0 s": two
// clocks never agree exactly.
func Age(d time.Duration) string {
	s := int(max(d, 0) / time.Second)
	switch {
	case s < 60:
		return fmt.Sprintf("%d s", s)
	case s < 3600:
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	case s < 48*3600:
		return fmt.Sprintf("%dh %02dm", s/3600, s/60%60)
	}
	return fmt.Sprintf("%dd %dh", s/86400, s/3600%24)
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
