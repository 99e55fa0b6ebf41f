// Package release says what is running: images and full container configurations per service,
// and judges, purely, what differs between two of them.
//
// Its one rule: it talks to nobody. The engine's answers come in as values, plans and proofs go
// out as values.
package release

import (
	"encoding/json"
	"time"
)

// Status is what is known of a release's health.
type Status string

// A release is recorded first and judged later. Only a healthy one is a rollback target.
const (
	StatusRecorded Status = "recorded"
	StatusHealthy  Status = "healthy"
	StatusBad      Status = "bad"
)

// Ref is a release by name, small enough for banners and journal entries.
type Ref struct {
	ID      string `json:"id,omitempty"`
	Version string `json:"version,omitempty"`
	Commit  string `json:"commit,omitempty"`
}

// String is the version people call it by, else its ID, else "nothing".
func (r Ref) String() string {
	switch {
	case r.Version != "":
		return r.Version
	case r.ID != "":
		return r.ID
	}
	return "nothing"
}

// Release is what ran on a target at a moment: enough to bring it back without a compose file,
// a registry, or the machine of the one who deployed it.
type Release struct {
	ID          string    `json:"id"`
	Version     string    `json:"version"`
	Commit      string    `json:"commit,omitempty"`
	Project     string    `json:"project"`
	Environment string    `json:"environment"`
	RecordedAt  time.Time `json:"recordedAt"` // by the target's clock where it has one
	By          string    `json:"by,omitempty"`
	Run         string    `json:"run,omitempty"`
	Status      Status    `json:"status"`
	// JudgedAt and Why belong to Status.
	JudgedAt time.Time `json:"judgedAt,omitzero"`
	Why      string    `json:"why,omitempty"`
	// Compose is the generation and version of the tool that made the stack ("2.40.3").
	Compose  string    `json:"compose,omitempty"`
	Services []Service `json:"services"`
	Networks []Network `json:"networks,omitempty"`
}

// Ref names the release.
func (r Release) Ref() Ref { return Ref{ID: r.ID, Version: r.Version, Commit: r.Commit} }

// Service is one service of a release with every container it had.
type Service struct {
	Name       string      `json:"name"`
	Image      string      `json:"image"`            // the reference as written in the compose file
	ImageID    string      `json:"imageId"`          // what really ran
	Digest     string      `json:"digest,omitempty"` // repo digest, if the image has one
	Containers []Container `json:"containers"`
	DependsOn  []string    `json:"dependsOn,omitempty"`
	// OneShot: none of its containers ran; they are not run again by a rollback.
	OneShot bool `json:"oneShot,omitempty"`
}

// Container is one container as the target itself described it.
type Container struct {
	Name    string `json:"name"`
	Number  int    `json:"number"`
	ImageID string `json:"imageId"`
	// ConfigHash is over the normalised configuration (see the target's own package), so that a
	// restored container can be compared with its record.
	ConfigHash string `json:"configHash"`
	// Ended says how it was found if it neither ran nor had done its work ("created", "exited with
	// code 1"); empty for one that ran or had ended well.
	Ended   string  `json:"ended,omitempty"`
	Volumes []Mount `json:"volumes,omitempty"`
	// Spec is the target's own complete description, only meaningful to the target that wrote it.
	Spec json.RawMessage `json:"spec,omitempty"`
}

// Mount is a volume of a container. Anonymous ones have no name that the compose file knows.
type Mount struct {
	Name        string `json:"name"`
	Destination string `json:"destination"`
	Anonymous   bool   `json:"anonymous,omitempty"`
}

// Network is a network of the project, with the target's own description.
type Network struct {
	Name     string          `json:"name"`
	External bool            `json:"external,omitempty"`
	Spec     json.RawMessage `json:"spec,omitempty"`
}

// ChangeKind says what happens to a service between two releases.
type ChangeKind string

// The kinds of change, in order of how much they ask of the reader.
const (
	ChangeRemoved   ChangeKind = "removed"
	ChangeAdded     ChangeKind = "added"
	ChangeRecreated ChangeKind = "recreated"
	ChangeScaled    ChangeKind = "scaled"
	ChangeNone      ChangeKind = "unchanged"
)

// Change is what a deploy or a rollback does to one service.
type Change struct {
	Service string     `json:"service"`
	Kind    ChangeKind `json:"kind"`
	// From and To are image references; FromID and ToID image IDs ("sha256:..."), if known.
	From   string `json:"from,omitempty"`
	To     string `json:"to,omitempty"`
	FromID string `json:"fromId,omitempty"`
	ToID   string `json:"toId,omitempty"`
	// Replicas before and after.
	FromReplicas int `json:"fromReplicas"`
	ToReplicas   int `json:"toReplicas"`
	// Config names what changed in the configuration, values masked: "environment LOG_LEVEL",
	// "command", "ports". Empty when only the image changes.
	Config []string `json:"config,omitempty"`
	// Note is a remark for the reader ("image on the host", "not in the compose file, stays").
	Note string `json:"note,omitempty"`
}

// Readiness says whether a rollback to a release would work, proven beforehand.
type Readiness struct {
	Ready  bool `json:"ready"`
	Target Ref  `json:"target"`
	// Pending: what runs now is not in the ledger yet; it is recorded and proven before the first
	// change, and nothing is changed when that fails.
	Pending bool `json:"pending,omitempty"`
	// Reason says why not ("image sha256:41d2 of backend is missing"), or why there is none.
	Reason string `json:"reason,omitempty"`
	// HealthyFor and Since describe the target for the dialog.
	HealthySince time.Time `json:"healthySince,omitzero"`
	RecordedAt   time.Time `json:"recordedAt,omitzero"`
	Changes      []Change  `json:"changes,omitempty"`
	// LastTook is how long the last rollback of this environment took; zero if there was none.
	LastTook  time.Duration `json:"lastTook,omitempty"`
	CheckedAt time.Time     `json:"checkedAt,omitzero"`
}

// ProofRow is the verdict on one service after a rollback.
type ProofRow struct {
	Service string `json:"service"`
	// Image, Config and Health each are "ok" or a sentence.
	Replicas string `json:"replicas"` // "2 of 2"
	Image    string `json:"image"`
	Config   string `json:"config"`
	Health   string `json:"health"`
	OK       bool   `json:"ok"`
}

// Proof is the table that shows whether a release is really back.
type Proof struct {
	Target Ref        `json:"target"`
	Rows   []ProofRow `json:"rows"`
	OK     bool       `json:"ok"`
}
