package runbook

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// leaves finds a command that opens another shell (ssh HOST, sudo -i, docker exec -it X bash).
// A person who pastes the fence types the rest over there; run as a script the rest would run
// here. last says that nothing follows it in the fence.
func leaves(file *syntax.File) (line int, last, found bool) {
	fed := map[*syntax.Stmt]bool{} // statements that read from a pipe
	syntax.Walk(file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.BinaryCmd:
			if n.Op == syntax.Pipe || n.Op == syntax.PipeAll {
				fed[n.Y] = true
			}
		case *syntax.Stmt:
			call, ok := n.Cmd.(*syntax.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			if found {
				last = false
			} else if opensShell(words(call)) && !fed[n] && !readsInput(n) {
				line, last, found = int(n.Pos().Line())-1, true, true
			}
		}
		return true
	})
	return line, last, found
}

func words(call *syntax.CallExpr) []string {
	out := make([]string, len(call.Args))
	for i, a := range call.Args {
		if out[i] = a.Lit(); out[i] == "" {
			out[i] = "?" // a variable or quotes: a word all the same
		}
	}
	return out
}

func readsInput(s *syntax.Stmt) bool {
	return slices.ContainsFunc(s.Redirs, func(r *syntax.Redirect) bool {
		return slices.Contains([]syntax.RedirOperator{syntax.RdrIn, syntax.Hdoc, syntax.DashHdoc, syntax.WordHdoc}, r.Op)
	})
}

func opensShell(args []string) bool {
	final := args[len(args)-1]
	switch args[0] {
	case "sudo":
		rest := args[1:]
		if len(rest) == 0 {
			return false
		}
		return slices.Contains([]string{"-i", "-s"}, final) || isShellName(final) && len(rest) == 1 || opensShell(rest)
	case "su":
		return !slices.Contains(args, "-c")
	case "ssh":
		return isLogin(args[1:])
	case "docker", "docker-compose", "podman", "kubectl":
		return isShellName(final) && (slices.Contains(args, "exec") || slices.Contains(args, "run"))
	}
	return false
}

func isShellName(s string) bool {
	return slices.Contains([]string{"bash", "sh", "zsh", "ash"}, s[strings.LastIndexByte(s, '/')+1:])
}

// isLogin says whether the arguments of ssh are a host and no command.
func isLogin(args []string) bool {
	for i := 0; i < len(args); i++ {
		switch {
		case !strings.HasPrefix(args[i], "-"):
			return i == len(args)-1
		case len(args[i]) > 1 && strings.ContainsAny(args[i][1:2], "NfGQV"):
			return false // a tunnel, or a question about ssh itself
		case len(args[i]) == 2 && strings.ContainsAny(args[i][1:], "bcDeEFiIJlLmoOpRSwW"):
			i++
		}
	}
	return false
}
