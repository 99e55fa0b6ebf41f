package kit

import (
	"fmt"
	"strings"
	"time"

	"flightdeck/internal/story"
)

// Age is a short age in the words of the story: "12 s", "7m31s", "3h 12m", "3d 2h".
func Age(d time.Duration) string { return story.Age(d) }

// Duration is how long something took in the words of the story: "37 ms", "0.4 s", then as Age.
func Duration(d time.Duration) string { return story.Took(d) }

// Clock is a running time that never changes its form under the eye: "0m37s", "1h02m".
func Clock(d time.Duration) string {
	s := int(max(d, 0) / time.Second)
	if s < 3600 {
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	}
	return fmt.Sprintf("%dh%02dm", s/3600, s/60%60)
}

// Limit is a time limit as people write it: "10m", "90s", "1h30m".
func Limit(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// Ago is an age in its largest unit alone, for lists: "12 s", "4m", "26h", "3d".
func Ago(d time.Duration) string {
	switch d = max(d, 0); {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d/time.Second))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d/time.Minute))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d/time.Hour))
	}
	return fmt.Sprintf("%dd", int(d/(24*time.Hour)))
}
