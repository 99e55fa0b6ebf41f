package runbook

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// script is what a shell fence comes to: a text to run, or the reason why it is only shown.
type script struct {
	runs   bool
	text   string
	lines  []fenceLine // of text, tied to the document
	output bool        // the fence also showed output, which was left out of text

	why, hint string // why it does not run
	whyAt     int    // offset in the document
	mild      bool   // the reason is no surprise to the author

	sets, uses []string
	parse      *syntax.ParseError
	terminal   bool // the author asks for a terminal
}

func (s script) severity() Severity {
	if s.mild {
		return SeverityNotice
	}
	return SeverityWarning
}

// line gives a line of the script by its number from 0.
func (s script) line(n int) fenceLine { return s.lines[max(0, min(n, len(s.lines)-1))] }

var (
	// prompt is the operator's own prompt, without a host.
	prompt = regexp.MustCompile(`^\s*[$%] +`)
	// hostPrompt names a machine: "user@host:~$ ", "[root@db ~]# ".
	hostPrompt = regexp.MustCompile(`^\s*(\([\w.-]+\)\s*)?(\[?[\w.-]+@[\w.-]+[^\s$#%>]*( [^\s\]]+)?\]?)\s?[$#%>] `)
	// otherPrompt belongs to another program: "mysql> ", "db=# ", ">>> ", "irb(main):001:0> ".
	otherPrompt = regexp.MustCompile(`^\s*(>>>|\.\.\.|[A-Za-z_][\w-]*(\([^)]*\))?(:\d+)*(:\d+)?>|[A-Za-z_][\w-]*=[#>]|[A-Za-z_][\w-]*\([^)]*\)#) `)
	// quoted is a line that begins with ">": to a shell that empties a file.
	quoted = regexp.MustCompile(`^\s*>( |$)`)
)

// readScript decides what a shell fence runs. Whatever is in doubt is not run.
func readScript(lang string, lines []fenceLine, terminal bool) script {
	s := script{lines: lines, terminal: terminal}
	prompts := 0
	for _, l := range lines {
		switch {
		case hostPrompt.MatchString(l.text):
			return s.refuse(l, "this is typed on another machine, so it is shown and not run", "take the prompt away if it is to be run here")
		case otherPrompt.MatchString(l.text):
			return s.refuse(l, "this has the prompt of another program, so it is shown and not run", "take the prompt away if it is a shell command")
		case prompt.MatchString(l.text):
			prompts++
		}
	}
	if prompts > 0 {
		return s.session(lines)
	}
	if isConsole(lang) {
		if len(lines) > 0 {
			s.mild = true
			return s.refuse(lines[0], "commands and output cannot be told apart without a prompt, so this is shown and not run", "begin the commands with $, or tag the fence ```bash")
		}
		return s
	}
	return s.judge(lang)
}

func (s script) refuse(at fenceLine, why, hint string) script {
	s.runs, s.why, s.hint, s.whyAt = false, why, hint, at.offset
	return s
}

// session reads a fence with prompts: the lines with a prompt are commands, what a backslash
// continues belongs to them, comments are kept, and everything else is output.
func (s script) session(lines []fenceLine) script {
	s.lines = nil
	goesOn := false
	for _, l := range lines {
		cut := prompt.FindString(l.text)
		switch {
		case goesOn:
			if quoted.MatchString(l.text) {
				return s.refuse(l, "a line that begins with > would empty a file, so this is shown and not run", "write the command without prompts")
			}
		case cut != "":
			l.text, l.offset = l.text[len(cut):], l.offset+len(cut)-min(l.pad, len(cut))
			l.pad = max(0, l.pad-len(cut))
		case strings.HasPrefix(strings.TrimSpace(l.text), "# "):
		case strings.TrimSpace(l.text) == "":
			continue
		default:
			s.output = true
			continue
		}
		if strings.Contains(l.text, "<<") {
			return s.refuse(l, "a here-document between prompts cannot be told from output, so this is shown and not run", "write the commands without prompts in a ```bash fence")
		}
		goesOn = strings.HasSuffix(l.text, `\`)
		s.lines = append(s.lines, l)
	}
	return s.judge("")
}

// judge parses the text as shell. Text that does not parse is only run-worthy, and then refused
// with its position, when its author said that it is bash or sh.
func (s script) judge(lang string) script {
	s.text = joinLines(s.lines)
	if tooDeep(s.text) {
		return s.refuse(s.line(0), "this is too long or too deeply nested to be checked, so it is shown and not run", "put it into a script and run that")
	}
	file, err := parseShell(s.text)
	if err != nil {
		if errors.As(err, &s.parse) && (lang == "bash" || lang == "sh") {
			s.runs = true
			return s
		}
		return s.refuse(s.line(0), "this does not parse as shell, so it is shown and not run: "+plainError(err), "tag it ```bash if it is to be run")
	}
	if len(file.Stmts) == 0 {
		return s
	}
	s.runs = true
	only := true
	for _, stmt := range file.Stmts {
		if stmt.Cmd == nil && len(stmt.Redirs) > 0 {
			return s.refuse(s.line(int(stmt.Pos().Line())-1), "a line that begins with > would empty a file, so this is shown and not run", "write : > FILE if that is meant")
		}
		only = only && setsUp(stmt.Cmd)
	}
	s.sets, s.uses = variables(file)
	if line, last, found := leaves(file); found && (!last || !s.terminal) {
		return s.refuse(s.line(line), "this opens another shell, and what follows is meant for that one, so it is shown and not run",
			"write it like ssh HOST 'command', or open the shell alone in a fence with {terminal=true}")
	}
	if only {
		return s.refuse(s.line(0), "this only prepares a shell, which no later command would see, so it is shown and not run", "put it into the fence that needs it")
	}
	return s
}

// The limits of a script. The shell parser calls itself for everything that is nested, so that a
// few megabytes of brackets would end the whole program.
const (
	maxScript = 64 << 10 // bytes
	maxNested = 200      // brackets open at once
)

func tooDeep(text string) bool {
	if len(text) > maxScript {
		return true
	}
	open := 0
	for i := range len(text) {
		switch text[i] {
		case '(', '{', '[':
			open++
		case ')', '}', ']':
			open = max(0, open-1)
		}
		if open > maxNested {
			return true
		}
	}
	return false
}

// setsUp says whether a command only changes the shell that it runs in: variables, directory.
func setsUp(cmd syntax.Command) bool {
	switch c := cmd.(type) {
	case *syntax.DeclClause:
		return true
	case *syntax.CallExpr:
		return len(c.Args) == 0 && len(c.Assigns) > 0 ||
			len(c.Args) > 0 && slices.Contains([]string{"cd", "source", ".", "set", "unset", "alias", "umask", "pushd"}, c.Args[0].Lit())
	}
	return false
}

// parseShell parses text as bash, with the placeholders filled in: <issue> alone is a redirection.
func parseShell(text string) (*syntax.File, error) {
	filled := []byte(text)
	for _, span := range placeholderSpans(text) {
		for i := span[0]; i < span[1]; i++ {
			filled[i] = 'x'
		}
	}
	var p syntax.ParseError
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash), syntax.KeepComments(false)).Parse(strings.NewReader(string(filled)), "")
	if errors.As(err, &p) {
		return file, &p
	}
	var lang syntax.LangError
	if errors.As(err, &lang) {
		return file, &syntax.ParseError{Pos: lang.Pos, Text: plainError(err)}
	}
	return file, err
}

// plainError is the parser's message without its own position.
func plainError(err error) string {
	var p *syntax.ParseError
	if errors.As(err, &p) {
		return p.Text
	}
	text := err.Error()
	if i := strings.Index(text, ": "); i >= 0 {
		text = text[i+2:]
	}
	return text
}

// variables lists what a script sets and what it uses, each once, in order.
func variables(file *syntax.File) (sets, uses []string) {
	add := func(list *[]string, name string) {
		if name != "" && !slices.Contains(*list, name) {
			*list = append(*list, name)
		}
	}
	syntax.Walk(file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Assign:
			if n.Name != nil {
				add(&sets, n.Name.Value)
			}
		case *syntax.WordIter:
			if n.Name != nil {
				add(&sets, n.Name.Value)
			}
		case *syntax.CallExpr:
			if len(n.Args) > 1 && n.Args[0].Lit() == "read" {
				for _, a := range n.Args[1:] {
					add(&sets, a.Lit())
				}
			}
		case *syntax.ParamExp:
			if n.Param != nil && n.Exp == nil {
				add(&uses, n.Param.Value)
			}
		}
		return true
	})
	return sets, uses
}

// command is a command of the reading with what its variables need.
type command struct {
	*Command
	at         int
	sets, uses []string
}

// checkCommand adds the problems of a command's text.
func (r *reader) checkCommand(f fence, c *Command) {
	if p := f.script.parse; p != nil {
		r.fail(f.script.line(int(p.Pos.Line())-1).column(int(p.Pos.Col())-1), "this does not parse as shell: "+p.Text,
			"correct the command, or tag the fence ```text if it is only to be read")
	}
	for _, l := range f.script.lines {
		if at, what, bad := hidden(l.text); bad {
			r.fail(l.column(at), "the command contains "+what+", which a terminal does not show", "delete it: what is shown must be exactly what runs")
			return
		}
		if at, found := r.src.invalidWithin(l.offset, l.offset+len(l.text)); found {
			r.fail(at, "the command contains a byte that is not UTF-8", "save the file as UTF-8")
			return
		}
	}
	if c.Name != "" {
		if r.named == nil {
			r.named = map[string]Position{}
		}
		if before, twice := r.named[c.Name]; twice {
			r.warn(f.at, `another command is called "`+c.Name+`" too, at `+before.String(), "names should tell the commands apart")
		}
		r.named[c.Name] = r.src.at(f.at)
	}
}

// gate is a comment that asks for a look before the next command.
var gate = regexp.MustCompile(`(?i)^\s*#.*\b(stop (here )?if|wait (until|for)|pause|do not (continue|proceed)|don't (continue|proceed)|only (continue|proceed)|before (continuing|proceeding)|confirm that|check that|make sure)\b`)

// checkGates warns where the author put a gate between two commands, because a fence runs as one.
func (r *reader) checkGates(f fence) {
	commandBefore, at := false, -1
	for _, l := range f.script.lines {
		text := strings.TrimSpace(l.text)
		switch {
		case text == "":
		case gate.MatchString(text) && commandBefore:
			at = l.offset
		case !strings.HasPrefix(text, "#"):
			if at >= 0 {
				r.warn(at, "this comment asks for a look between two commands, but a fence runs as one", "put the commands after it in a fence of their own")
				return
			}
			commandBefore = true
		}
	}
}

// column is the offset in the document of byte n of a line.
func (l fenceLine) column(n int) int { return l.offset + max(0, min(n, len(l.text))-l.pad) }

// checkVariables marks what a command expects from another fence. Every command has a shell of
// its own, so the variable would be empty there, and `rm -rf $DIR/` is not the same without it.
func (r *reader) checkVariables() {
	for _, c := range r.commands {
		for _, name := range c.sets {
			if _, known := r.sets[name]; !known {
				r.sets[name] = r.src.at(c.at)
			}
		}
	}
	for _, c := range r.commands {
		for _, name := range c.uses {
			where, elsewhere := r.sets[name]
			if !elsewhere || slices.Contains(c.sets, name) {
				continue
			}
			if mark := "$" + name; !slices.Contains(c.Placeholders, mark) {
				c.Placeholders = append(c.Placeholders, mark)
			}
			r.warn(c.at, "$"+name+" is set in another fence, at "+where.String()+", and is empty in this one",
				"every command has a shell of its own: set it in this fence, or fill it in when the run asks")
		}
	}
}

// looksLikeCommands says whether every line of a fence without a language begins with a program
// that runbooks are full of.
func looksLikeCommands(lines []fenceLine) bool {
	programs := []string{"docker", "docker-compose", "kubectl", "helm", "git", "curl", "wget", "ssh", "scp", "rsync", "sudo", "cd", "ls", "cat", "cp", "mv",
		"mkdir", "systemctl", "journalctl", "npm", "yarn", "pnpm", "make", "python", "python3", "pip", "alembic", "psql", "pg_dump", "terraform", "ansible-playbook", "aws", "gcloud", "bundle", "go"}
	found := false
	for _, l := range lines {
		word, _, _ := strings.Cut(strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(l.text), "$ ")), " ")
		if word == "" || strings.HasPrefix(word, "#") {
			continue
		}
		if !slices.Contains(programs, word) {
			return false
		}
		found = true
	}
	return found
}
