// Package commands holds the end-to-end tests of the command line: what the real binary says, which
// exit code it ends with, and what it leaves behind when it is given bad input or is killed.
//
// Its one rule: every refusal is judged by its sentence, its exit code and by what did not change.
package commands
