package shop

import (
	"context"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migration is one change of the schema, forth and back.
type migration struct {
	number int
	name   string // "search"
	schema []string
	fill   []backfill
	down   []string
}

// backfill is repeated until it changes no row, so that no transaction holds the writer for long
// and a killed migration goes on where it was.
type backfill struct{ what, sql string }

// migrations reads the embedded files, in order.
func migrations() ([]migration, error) {
	ups, err := fs.Glob(migrationFiles, "migrations/*.up.sql")
	if err != nil {
		return nil, err
	}
	slices.Sort(ups)
	var out []migration
	for _, file := range ups {
		base := strings.TrimSuffix(strings.TrimPrefix(file, "migrations/"), ".up.sql")
		digits, name, _ := strings.Cut(base, "_")
		n, err := strconv.Atoi(digits)
		if err != nil {
			return nil, fmt.Errorf("%s: the name must begin with a number", file)
		}
		up, err := migrationFiles.ReadFile(file)
		if err != nil {
			return nil, err
		}
		down, err := migrationFiles.ReadFile(strings.TrimSuffix(file, ".up.sql") + ".down.sql")
		if err != nil {
			return nil, err
		}
		m := migration{number: n, name: name}
		m.schema, m.fill = split(string(up))
		m.down, _ = split(string(down))
		out = append(out, m)
	}
	return out, nil
}

// split cuts a file into statements: each ends with a semicolon at the end of a line. A comment
// "-- backfill: words" makes the next statement a backfill.
func split(text string) (schema []string, fills []backfill) {
	var now []string
	what := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \r\n")
		if rest, ok := strings.CutPrefix(line, "-- backfill: "); ok {
			what = rest
			continue
		}
		if line == "" || strings.HasPrefix(line, "--") {
			continue
		}
		now = append(now, line)
		if !strings.HasSuffix(line, ";") {
			continue
		}
		if sql := strings.Join(now, "\n"); what != "" {
			fills = append(fills, backfill{what, sql})
		} else {
			schema = append(schema, sql)
		}
		now, what = nil, ""
	}
	return schema, fills
}

const createMigrations = `CREATE TABLE IF NOT EXISTS schema_migrations (
  version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at TEXT NOT NULL, filled_at TEXT)`

// schemaVersion is the newest migration applied in full; 0 when there is none.
func schemaVersion(ctx context.Context, db database) (int64, error) {
	return number(ctx, db, `SELECT coalesce(max(version), 0) FROM schema_migrations WHERE filled_at IS NOT NULL`)
}

// migrator applies migrations to a database and says what it does.
type migrator struct {
	db    database
	out   io.Writer
	limit int // the newest migration that this release knows
	dry   bool
}

func (m migrator) say(format string, args ...any) { _, _ = fmt.Fprintf(m.out, format+"\n", args...) }

// applied gives the numbers in the table; the value says whether the backfill is complete.
func (m migrator) applied(ctx context.Context) (map[int]bool, error) {
	n, err := number(ctx, m.db, `SELECT count(*) FROM sqlite_master WHERE name = 'schema_migrations'`)
	if err != nil {
		return nil, err
	}
	out := map[int]bool{}
	if n == 0 {
		return out, nil
	}
	got, err := m.db.query(ctx, statement{SQL: `SELECT version, filled_at IS NOT NULL FROM schema_migrations`})
	if err != nil {
		return nil, err
	}
	for _, row := range got.Rows {
		v, ok1 := row[0].(int64)
		filled, ok2 := row[1].(int64)
		if !ok1 || !ok2 {
			return nil, fmt.Errorf("schema_migrations holds %v", row)
		}
		out[int(v)] = filled == 1
	}
	return out, nil
}

// up applies everything that is missing, up to and including the number to.
func (m migrator) up(ctx context.Context, to int) error {
	all, err := migrations()
	if err != nil {
		return err
	}
	have, err := m.applied(ctx)
	if err != nil {
		return err
	}
	did := 0
	for _, mig := range all {
		filled, there := have[mig.number]
		if mig.number > min(to, m.limit) || filled {
			continue
		}
		did++
		if err := m.apply(ctx, mig, there); err != nil {
			return fmt.Errorf("migration %04d_%s: %w", mig.number, mig.name, err)
		}
	}
	if did == 0 {
		m.say("nothing to migrate: schema is at %d", newest(have))
	}
	return nil
}

func newest(have map[int]bool) int {
	n := 0
	for v := range have {
		n = max(n, v)
	}
	return n
}

func (m migrator) apply(ctx context.Context, mig migration, there bool) error {
	if m.dry {
		m.say("-- %04d_%s up", mig.number, mig.name)
		for _, sql := range mig.schema {
			m.say("%s", sql)
		}
		for _, f := range mig.fill {
			m.say("-- repeated until no row changes: %s\n%s", f.what, f.sql)
		}
		return nil
	}
	began := time.Now()
	if there {
		m.say("%04d_%s: schema is there, going on with the backfill", mig.number, mig.name)
	} else {
		m.say("%04d_%s: applying %d statements", mig.number, mig.name, len(mig.schema))
		sts := []statement{{SQL: createMigrations}}
		for _, sql := range mig.schema {
			sts = append(sts, statement{SQL: sql})
		}
		sts = append(sts, statement{
			SQL:  `INSERT INTO schema_migrations (version, name, applied_at) VALUES (?, ?, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))`,
			Args: []any{mig.number, mig.name},
		})
		if _, err := m.db.tx(ctx, sts); err != nil {
			return err
		}
	}
	for _, f := range mig.fill {
		if err := m.fill(ctx, mig, f); err != nil {
			return err
		}
	}
	_, err := m.db.tx(ctx, []statement{{
		SQL:  `UPDATE schema_migrations SET filled_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE version = ?`,
		Args: []any{mig.number},
	}})
	if err != nil {
		return err
	}
	m.say("%04d_%s: done in %s", mig.number, mig.name, time.Since(began).Round(time.Millisecond))
	return nil
}

func (m migrator) fill(ctx context.Context, mig migration, f backfill) error {
	var total int64
	for {
		got, err := m.db.tx(ctx, []statement{{SQL: f.sql}})
		if err != nil {
			return err
		}
		if got[0].Rows == 0 {
			return nil
		}
		total += got[0].Rows
		m.say("%04d_%s: %d %s", mig.number, mig.name, total, f.what)
	}
}

// downTo takes back everything above the number to, newest first.
func (m migrator) downTo(ctx context.Context, to int) error {
	all, err := migrations()
	if err != nil {
		return err
	}
	have, err := m.applied(ctx)
	if err != nil {
		return err
	}
	did := 0
	for _, mig := range slices.Backward(all) {
		if _, there := have[mig.number]; !there || mig.number <= to {
			continue
		}
		did++
		if m.dry {
			m.say("-- %04d_%s down\n%s", mig.number, mig.name, strings.Join(mig.down, "\n"))
			continue
		}
		var sts []statement
		for _, sql := range mig.down {
			sts = append(sts, statement{SQL: sql})
		}
		sts = append(sts, statement{SQL: `DELETE FROM schema_migrations WHERE version = ?`, Args: []any{mig.number}})
		if _, err := m.db.tx(ctx, sts); err != nil {
			return fmt.Errorf("taking back migration %04d_%s: %w", mig.number, mig.name, err)
		}
		m.say("%04d_%s: taken back", mig.number, mig.name)
	}
	if did == 0 {
		m.say("nothing to take back: schema is at %d", newest(have))
	}
	return nil
}

func (m migrator) status(ctx context.Context) error {
	all, err := migrations()
	if err != nil {
		return err
	}
	have, err := m.applied(ctx)
	if err != nil {
		return err
	}
	for _, mig := range all {
		word := "pending"
		switch filled, there := have[mig.number]; {
		case filled:
			word = "applied"
		case there:
			word = "backfill unfinished"
		case mig.number > m.limit:
			word = "unknown to this release"
		}
		m.say("%04d_%-10s %s", mig.number, mig.name, word)
	}
	return nil
}

// known is the newest migration that belongs to a release.
func known(version string) int {
	if major(version) < 2 {
		return 1
	}
	return 3
}

func runMigrate(ctx context.Context, e edge, args []string) error {
	usage := usageError{"migrate needs one of: up, down, status"}
	if len(args) == 0 {
		return usage
	}
	fs := flags(e, "migrate "+args[0])
	url := fs.String("database", e.or("SHOP_DATABASE_URL", databaseURL), "address of the database service")
	to := fs.Int("to", -1, "migration to stop at; up: the newest, down: one less than now")
	dry := fs.Bool("dry-run", false, "print the SQL, change nothing")
	wait := fs.Duration("wait", 20*time.Second, "how long to wait for the database")
	if err := parse(fs, args[1:]); err != nil {
		return err
	}
	db := newRemote(*url)
	if err := awaitDatabase(ctx, db, *wait); err != nil {
		return err
	}
	m := migrator{db: db, out: e.out, limit: known(e.version()), dry: *dry}
	switch args[0] {
	case "up":
		if *to < 0 {
			*to = m.limit
		}
		return m.up(ctx, *to)
	case "down":
		if *to < 0 {
			have, err := m.applied(ctx)
			if err != nil {
				return err
			}
			*to = max(newest(have)-1, 0)
		}
		return m.downTo(ctx, *to)
	case "status":
		return m.status(ctx)
	}
	return usage
}

// awaitDatabase asks until the database answers or the time is up.
func awaitDatabase(ctx context.Context, db database, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		_, err := number(ctx, db, `SELECT 1`)
		if err == nil {
			return nil
		}
		if !sleep(ctx, 200*time.Millisecond) {
			return fmt.Errorf("gave up after %s: %w", limit, err)
		}
	}
}
