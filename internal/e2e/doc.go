// Package e2e holds the end-to-end tests: the real binary on a real terminal against the real
// engine, with both generations of compose, and without docker.
//
// Its one rule: it presses keys and reads the screen as an operator does, and then asks the
// engine, not flightdeck, what is true.
package e2e
