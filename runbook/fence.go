package runbook

import (
	"slices"
	"strings"
	"time"

	"github.com/yuin/goldmark/ast"

	"flightdeck/internal/clean"
)

// fence is a fenced block as it was read: what it says and what it may become.
type fence struct {
	lang   string
	text   string
	lines  []fenceLine // of text
	at     int         // offset of the opening line
	attrs  attributes
	script script
}

// fenceLine ties a line of a fence to the document.
type fenceLine struct {
	text   string
	offset int // of the line's first byte in the document
	pad    int // columns of indentation that the list around the fence swallowed from a tab
}

const langFlightdeck = "flightdeck"

// step says whether the fence becomes a step.
func (f fence) step() bool { return f.lang == langFlightdeck || f.script.runs }

func (r *reader) readFence(n *ast.FencedCodeBlock) fence {
	f := fence{at: r.offset(n)}
	if n.Info != nil {
		f.attrs = parseInfo(string(n.Info.Value(r.src.text)), n.Info.Segment.Start)
		f.lang = f.attrs.lang
	}
	for i := range n.Lines().Len() {
		seg := n.Lines().At(i)
		f.lines = append(f.lines, fenceLine{
			text:   strings.TrimSuffix(string(seg.Value(r.src.text)), "\n"),
			offset: seg.Start, pad: seg.Padding,
		})
	}
	for len(f.lines) > 0 && strings.TrimSpace(f.lines[len(f.lines)-1].text) == "" {
		f.lines = f.lines[:len(f.lines)-1]
	}
	f.text = joinLines(f.lines)
	if isShell(f.lang) {
		f.script = readScript(f.lang, f.lines, isTrue(f.attrs.values["terminal"]))
	}
	return f
}

func joinLines(lines []fenceLine) string {
	texts := make([]string, len(lines))
	for i, l := range lines {
		texts[i] = l.text
	}
	return strings.Join(texts, "\n")
}

func isShell(lang string) bool {
	return slices.Contains([]string{"bash", "sh", "shell", "zsh"}, lang) || isConsole(lang)
}

// isConsole is for tags that say "a session": prompts, commands and output mixed.
func isConsole(lang string) bool {
	return slices.Contains([]string{"console", "shell-session", "shellsession", "sh-session", "terminal"}, lang)
}

func (r *reader) fence(n *ast.FencedCodeBlock) {
	f := r.readFence(n)
	switch {
	case f.lang == langFlightdeck:
		r.rejectAttributes(f)
		r.builtins(f)
	case f.script.runs:
		if f.attrs.values["name"] == "" { // what has a name of its own is a step of its own
			r.adopt(n)
		}
		r.command(f)
	default:
		r.reference(f)
	}
}

// adopt lets a fence that the author did not indent belong to the numbered item right before it.
func (r *reader) adopt(n *ast.FencedCodeBlock) {
	l, ok := n.PreviousSibling().(*ast.List)
	steps := r.here().Steps
	if !ok || !l.IsOrdered() || len(r.pending) > 0 || len(steps) == 0 || steps[len(steps)-1].Kind != KindManual {
		return
	}
	last := steps[len(steps)-1]
	r.here().Steps = steps[:len(steps)-1]
	r.pending = append([]Block{}, last.Why...)
	r.lead = lead{text: strings.TrimRight(last.Title, ":"), item: true, ok: true}
}

// reference keeps a fence for reading, and says why a shell fence is not a command.
func (r *reader) reference(f fence) {
	if f.script.why != "" {
		r.problem(f.script.whyAt, f.script.severity(), f.script.why, f.script.hint)
		for _, name := range f.script.sets {
			r.sets[name] = r.src.at(f.at)
		}
	} else if f.lang == "" && looksLikeCommands(f.lines) {
		r.notice(f.at, "this fence has no language, so it is shown and not run", "tag it ```bash if it is to be run")
	}
	r.keep(Block{Kind: BlockCode, Lang: clean.Text(f.lang), Text: clean.Text(expandTabs(f.text)), Pos: r.src.at(r.src.lineStart(f.at))})
}

func (r *reader) command(f fence) {
	for _, p := range f.attrs.problems {
		r.problem(p.at, p.severity, p.message, p.hint)
	}
	c := &Command{Text: f.script.text, Lang: f.lang, Placeholders: Placeholders(f.script.text)}
	c.Name = clean.Text(f.attrs.values["name"])
	c.Undo = clean.Text(f.attrs.values["undo"])
	c.Timeout, _ = time.ParseDuration(f.attrs.values["timeout"])
	c.Terminal = isTrue(f.attrs.values["terminal"])
	r.checkCommand(f, c)
	r.checkGates(f)
	title := r.commandTitle(f, c)
	if f.script.output {
		r.keep(Block{Kind: BlockCode, Lang: clean.Text(f.lang), Text: clean.Text(expandTabs(f.text)), Pos: r.src.at(r.src.lineStart(f.at))})
	}
	r.emit(Step{
		Kind: KindCommand, Title: title, Command: c, Pos: r.src.at(r.src.lineStart(f.at)),
		Optional: isTrue(f.attrs.values["optional"]) || isOptional(title),
	})
	r.commands = append(r.commands, command{Command: c, at: f.script.lines[0].offset, sets: f.script.sets, uses: f.script.uses})
}

// commandTitle: the item or the line before, the name, a short line before, the sub-heading, the
// first comment, the first command.
func (r *reader) commandTitle(f fence, c *Command) string {
	l := r.lead
	switch {
	case l.ok && (l.item || l.colon):
		return r.takeLead()
	case c.Name != "":
		return c.Name
	case l.ok:
		return r.takeLead()
	}
	command := ""
	for _, line := range f.script.lines {
		text := strings.TrimSpace(line.text)
		switch {
		case text == "" || strings.HasPrefix(text, "#!"):
		case strings.HasPrefix(text, "#"):
			if t := strings.TrimSpace(strings.TrimLeft(text, "#")); t != "" && command == "" {
				command, _ = shorten(t)
				return clean.Text(command)
			}
		case command == "":
			command, _ = shorten(text)
		}
	}
	return clean.Text(expandTabs(command))
}

func isTrue(v string) bool { return v == "true" || v == "yes" }
