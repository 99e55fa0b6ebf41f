package docker

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/moby/moby/client"

	"flightdeck/internal/clean"
	"flightdeck/internal/release"
	"flightdeck/internal/stack"
)

// The labels of the ledger's volumes. None is one of compose's own, so that `compose down -v`
// leaves the ledger alone.
const (
	ledgerMark        = "flightdeck.ledger"
	ledgerKind        = "flightdeck.kind"
	ledgerProject     = "flightdeck.project"
	ledgerEnvironment = "flightdeck.environment"
	ledgerID          = "flightdeck.id"
	ledgerSeq         = "flightdeck.seq"
	ledgerNonce       = "flightdeck.nonce"
	ledgerRelease     = "flightdeck.release"
	ledgerStatus      = "flightdeck.status"
	ledgerWhy         = "flightdeck.why"
	ledgerAt          = "flightdeck.at"
	ledgerTook        = "flightdeck.took"
	ledgerAwake       = "flightdeck.awake" // services that did not run before, joined by commas
)

// The kinds of entry. Labels of a volume never change, so that every later fact about a release
// is an entry of its own, ordered by its sequence number.
const (
	kindRelease  = "release"  // the record itself
	kindSeen     = "seen"     // the same state was recorded again
	kindJudged   = "judged"   // a verdict
	kindRestored = "restored" // a rollback to it that reached its end
)

// plainLimit is how long a record may be before it is packed, in bytes. Up to there it can be read
// with `docker volume inspect`.
const plainLimit = 32 << 10

// unpackLimit bounds what a packed record may grow to, in bytes, whoever wrote it.
const unpackLimit = 64 << 20

func pack(data []byte) (string, error) {
	if len(data) <= plainLimit {
		return string(data), nil
	}
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	if _, err := w.Write(data); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	return "gzip:" + base64.StdEncoding.EncodeToString(buf.Bytes()), nil
}

func unpack(text string) ([]byte, error) {
	packed, ok := strings.CutPrefix(text, "gzip:")
	if !ok {
		return []byte(text), nil
	}
	raw, err := base64.StdEncoding.DecodeString(packed)
	if err != nil {
		return nil, err
	}
	r, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(r, unpackLimit+1))
	if err == nil && len(data) > unpackLimit {
		err = fmt.Errorf("longer than %d bytes", unpackLimit)
	}
	return data, err
}

// entry is one volume of the ledger.
type entry struct {
	volume, kind, id string
	seq              int
	at               time.Time
	labels           map[string]string
}

// account is everything that the ledger says about one release.
type account struct {
	release release.Release
	entries []entry // of this release, oldest first
	order   int     // sequence number of the last time it was recorded
	since   time.Time
	took    time.Duration
	tookSeq int
	broken  error // the record cannot be read
}

// accounts reads the whole ledger of the project, newest release first.
func (t *Target) accounts(ctx context.Context) ([]account, int, error) {
	entries, err := t.entries(ctx)
	if err != nil {
		return nil, 0, err
	}
	last := 0
	byID := make(map[string]*account)
	var ids []string
	for _, e := range entries {
		last = max(last, e.seq)
		if byID[e.id] == nil {
			byID[e.id] = &account{}
			ids = append(ids, e.id)
		}
		byID[e.id].take(e)
	}
	var out []account
	for _, id := range ids {
		if a := byID[id]; a.release.ID != "" {
			out = append(out, *a)
		}
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].order > out[j].order })
	return out, last, nil
}

func (a *account) take(e entry) {
	a.entries = append(a.entries, e)
	switch e.kind {
	case kindRelease:
		a.order = max(a.order, e.seq)
		data, err := unpack(e.labels[ledgerRelease])
		if err == nil {
			err = json.Unmarshal(data, &a.release)
		}
		if err == nil && a.release.ID != e.id {
			err = fmt.Errorf("it belongs to release %q", a.release.ID)
		}
		if err != nil {
			a.broken = err
			a.release = release.Release{ID: e.id, Project: e.labels[ledgerProject], RecordedAt: e.at, Status: release.StatusRecorded, Why: "its record cannot be read: " + err.Error()}
		}
		if a.release.Status == release.StatusHealthy {
			a.since = e.at
		}
	case kindSeen:
		a.order = max(a.order, e.seq)
		a.release.RecordedAt = e.at
		wake(a.release.Services, strings.Split(e.labels[ledgerAwake], ","))
	case kindJudged:
		was := a.release.Status
		a.release.Status, a.release.Why, a.release.JudgedAt = release.Status(e.labels[ledgerStatus]), e.labels[ledgerWhy], e.at
		if a.release.Status == release.StatusHealthy && was != release.StatusHealthy {
			a.since = e.at
		}
	case kindRestored:
		if ms, err := strconv.ParseInt(e.labels[ledgerTook], 10, 64); err == nil {
			a.took, a.tookSeq = time.Duration(ms)*time.Millisecond, e.seq
		}
	}
}

// entries lists the ledger's volumes of the project, oldest first.
func (t *Target) entries(ctx context.Context) ([]entry, error) {
	ctx, cancel := t.within(ctx)
	defer cancel()
	res, err := t.api.VolumeList(ctx, client.VolumeListOptions{
		Filters: make(client.Filters).Add("label", ledgerMark+"=1", ledgerProject+"="+t.project.Name),
	})
	if err != nil {
		return nil, t.sentence("cannot read the ledger of project "+clean.Name(t.project.Name), err)
	}
	var out []entry
	for _, v := range res.Items {
		e := entry{volume: v.Name, kind: v.Labels[ledgerKind], id: v.Labels[ledgerID], at: parseTime(v.Labels[ledgerAt]), labels: v.Labels}
		if e.seq, err = strconv.Atoi(v.Labels[ledgerSeq]); err != nil || e.id == "" {
			return nil, &stack.Error{
				What: "volume " + clean.Name(v.Name) + " is marked as part of the ledger, but is not", Why: "its labels have no sequence number or release",
				Do: "Remove it with 'docker volume rm " + clean.Name(v.Name) + "'",
			}
		}
		out = append(out, e)
	}
	sort.Slice(out, func(i, j int) bool {
		if out[i].seq != out[j].seq {
			return out[i].seq < out[j].seq
		}
		return out[i].volume < out[j].volume
	})
	return out, nil
}

// claim writes an entry as a volume. The engine answers the creation of a name that exists with
// the first one's labels, so that the nonce says whose it is: mine is false if somebody was first.
func (t *Target) claim(ctx context.Context, name string, labels map[string]string) (mine bool, err error) {
	nonce := make([]byte, 16)
	if _, err := rand.Read(nonce); err != nil {
		return false, err
	}
	labels[ledgerNonce] = hex.EncodeToString(nonce)
	labels[ledgerMark], labels[ledgerProject], labels[ledgerEnvironment] = "1", t.project.Name, t.project.Environment
	ctx, cancel := t.within(ctx)
	defer cancel()
	res, err := t.api.VolumeCreate(ctx, client.VolumeCreateOptions{Name: name, Labels: labels})
	if err != nil {
		return false, t.sentence("cannot write to the ledger (volume "+clean.Name(name)+")", err)
	}
	return res.Volume.Labels[ledgerNonce] == labels[ledgerNonce], nil
}

// claimTries is how many others may write to the ledger at the same moment.
const claimTries = 50

// note appends a fact about a release after every other entry.
func (t *Target) note(ctx context.Context, kind, id string, last int, at time.Time, more map[string]string) error {
	for seq := last + 1; seq <= last+claimTries; seq++ {
		labels := map[string]string{ledgerKind: kind, ledgerID: id, ledgerSeq: strconv.Itoa(seq), ledgerAt: at.Format(time.RFC3339Nano)}
		for k, v := range more {
			labels[k] = v
		}
		// One name per sequence number, whatever the kind and the release: two writers can never
		// take the same number.
		mine, err := t.claim(ctx, fmt.Sprintf("flightdeck-judged-%s-%d", t.project.Name, seq), labels)
		if err != nil || mine {
			return err
		}
	}
	return &stack.Error{What: "cannot write to the ledger", Why: "too many others write to it at once", Do: "Try again"}
}

// clock is the engine's own time, so that two operators with wrong clocks agree.
func (t *Target) clock(ctx context.Context) (time.Time, error) {
	ctx, cancel := t.within(ctx)
	defer cancel()
	res, err := t.api.Info(ctx, client.InfoOptions{})
	if err != nil {
		return time.Time{}, t.sentence("cannot ask the engine for its time", err)
	}
	at, err := time.Parse(time.RFC3339Nano, res.Info.SystemTime)
	if err != nil {
		return time.Time{}, &stack.Error{What: "the engine does not say its time", Why: err.Error(), Err: err}
	}
	return at.UTC(), nil
}
