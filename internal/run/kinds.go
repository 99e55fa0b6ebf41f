package run

import (
	"encoding/json"
	"fmt"
	"time"
)

// The kinds as they stand in the journal. A name is never changed or given a second meaning; a
// field is only added.

func (Opened) Kind() string           { return "opened" }
func (Confirmed) Kind() string        { return "confirmed" }
func (PlanMoved) Kind() string        { return "plan-moved" }
func (SectionLeftOut) Kind() string   { return "section-left-out" }
func (SectionTakenIn) Kind() string   { return "section-taken-in" }
func (RecordStarted) Kind() string    { return "record-started" }
func (Recorded) Kind() string         { return "recorded" }
func (RecordFailed) Kind() string     { return "record-failed" }
func (ReadinessChecked) Kind() string { return "readiness-checked" }
func (StepStarted) Kind() string      { return "step-started" }
func (StepSucceeded) Kind() string    { return "step-succeeded" }
func (StepFailed) Kind() string       { return "step-failed" }
func (StepSkipped) Kind() string      { return "step-skipped" }
func (StepMarkedDone) Kind() string   { return "step-marked-done" }
func (ItemTicked) Kind() string       { return "item-ticked" }
func (CommandEdited) Kind() string    { return "command-edited" }
func (StopAsked) Kind() string        { return "stop-asked" }
func (Signalled) Kind() string        { return "signalled" }
func (NoteAdded) Kind() string        { return "note-added" }
func (RollbackAsked) Kind() string    { return "rollback-asked" }
func (RollbackStarted) Kind() string  { return "rollback-started" }
func (RollbackDid) Kind() string      { return "rollback-did" }
func (RollbackEnded) Kind() string    { return "rollback-ended" }
func (ReleaseJudged) Kind() string    { return "release-judged" }
func (Resumed) Kind() string          { return "resumed" }
func (Noticed) Kind() string          { return "noticed" }
func (Closed) Kind() string           { return "closed" }

// Unrecognised is an event of a later flightdeck: kept, shown raw, ignored by the fold.
type Unrecognised struct {
	Name string
	Raw  json.RawMessage
}

// Kind is the name that the later flightdeck gave it.
func (u Unrecognised) Kind() string { return u.Name }

// MarshalJSON gives back exactly what was read.
func (u Unrecognised) MarshalJSON() ([]byte, error) {
	if len(u.Raw) == 0 {
		return []byte("null"), nil
	}
	return u.Raw, nil
}

// Events lists one zero value of every kind that this flightdeck knows.
func Events() []Event {
	return []Event{
		Opened{}, Confirmed{}, PlanMoved{}, SectionLeftOut{}, SectionTakenIn{}, RecordStarted{}, Recorded{}, RecordFailed{},
		ReadinessChecked{}, StepStarted{}, StepSucceeded{}, StepFailed{}, StepSkipped{}, StepMarkedDone{}, ItemTicked{},
		CommandEdited{}, StopAsked{}, Signalled{}, NoteAdded{}, RollbackAsked{}, RollbackStarted{}, RollbackDid{},
		RollbackEnded{}, ReleaseJudged{}, Resumed{}, Noticed{}, Closed{},
	}
}

type wire struct {
	Seq   uint64          `json:"seq"`
	At    time.Time       `json:"at"`
	Kind  string          `json:"kind"`
	Event json.RawMessage `json:"event"`
}

// MarshalJSON writes the entry as one line of the journal, without the journal's own seals.
func (e Entry) MarshalJSON() ([]byte, error) {
	if e.Event == nil {
		return nil, fmt.Errorf("entry %d has no event", e.Seq)
	}
	raw, err := json.Marshal(e.Event)
	if err != nil {
		return nil, err
	}
	return json.Marshal(wire{Seq: e.Seq, At: e.At.UTC(), Kind: e.Event.Kind(), Event: raw})
}

// UnmarshalJSON reads one; an unknown kind becomes Unrecognised.
func (e *Entry) UnmarshalJSON(data []byte) error {
	var w wire
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	ev, err := decode(w.Kind, w.Event)
	if err != nil {
		return fmt.Errorf("entry %d, %s: %w", w.Seq, w.Kind, err)
	}
	*e = Entry{Seq: w.Seq, At: w.At, Event: ev}
	return nil
}

func decode(kind string, raw json.RawMessage) (Event, error) {
	read, known := decoders()[kind]
	if !known {
		return Unrecognised{Name: kind, Raw: raw}, nil
	}
	return read(raw)
}

func into[E Event](raw json.RawMessage) (Event, error) {
	var ev E
	err := json.Unmarshal(raw, &ev)
	return ev, err
}

func decoders() map[string]func(json.RawMessage) (Event, error) {
	return map[string]func(json.RawMessage) (Event, error){
		"opened": into[Opened], "confirmed": into[Confirmed], "plan-moved": into[PlanMoved],
		"section-left-out": into[SectionLeftOut], "section-taken-in": into[SectionTakenIn],
		"record-started": into[RecordStarted], "recorded": into[Recorded], "record-failed": into[RecordFailed],
		"readiness-checked": into[ReadinessChecked], "step-started": into[StepStarted],
		"step-succeeded": into[StepSucceeded], "step-failed": into[StepFailed], "step-skipped": into[StepSkipped],
		"step-marked-done": into[StepMarkedDone], "item-ticked": into[ItemTicked], "command-edited": into[CommandEdited],
		"stop-asked": into[StopAsked], "signalled": into[Signalled], "note-added": into[NoteAdded],
		"rollback-asked": into[RollbackAsked], "rollback-started": into[RollbackStarted], "rollback-did": into[RollbackDid],
		"rollback-ended": into[RollbackEnded], "release-judged": into[ReleaseJudged], "resumed": into[Resumed],
		"noticed": into[Noticed], "closed": into[Closed],
	}
}
