package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"kith/pod"
	"kith/pod/folder"
	"kith/sync/archive"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// exported are the tables of state.db in which something of a person stands that no folder can tell again,
// with the column that names the person. They come in the order in which they are filled.
var exported = []struct{ table, person string }{
	{"person", "name"}, {"invite", "person"}, {"granted", "person"}, {"passkey", "person"}, {"password", "person"}, {"reach", "person"}, {"agreement", "person"},
}

// export returns what state.db knows of a person, as JSON: for each table, for each row, its values by column.
func (s *state) export(ctx context.Context, name string) ([]byte, error) {
	return s.exportTables(ctx, name, exported, map[string]any{})
}

// exportTables adds to text what some tables know of a person, and returns it as JSON.
func (s *state) exportTables(ctx context.Context, name string, tables []struct{ table, person string }, text map[string]any) ([]byte, error) {
	for _, e := range tables {
		var rows []map[string]any
		err := s.read(ctx, `SELECT * FROM `+e.table+` WHERE `+e.person+` = ? ORDER BY 1`, []any{name}, func(row *sqlite.Stmt) error {
			values := map[string]any{}
			for i := range row.ColumnCount() {
				values[row.ColumnName(i)] = valueOf(row, i)
			}
			delete(values, "moved") // wherever it is restored, it lives
			rows = append(rows, values)
			return nil
		})
		if err != nil {
			return nil, err
		}
		if len(rows) > 0 {
			text[e.table] = rows
		}
	}
	return json.Marshal(text)
}

// valueOf returns a value as JSON can tell it from the other kinds.
func valueOf(row *sqlite.Stmt, i int) any {
	switch row.ColumnType(i) {
	case sqlite.TypeInteger:
		return row.ColumnInt64(i)
	case sqlite.TypeBlob:
		b := make([]byte, row.ColumnLen(i))
		row.ColumnBytes(i, b)
		return map[string][]byte{"bytes": b}
	}
	return row.ColumnText(i)
}

// restore fills the tables with what export told of one person: whoever made a backup may have written into it what
// is somebody else's here. The error is archive.ErrNewer where something is told that this version does not know: it
// would be lost without a word.
func (s *state) restore(ctx context.Context, name string, text []byte) error {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		return fmt.Errorf("%w: %w", archive.ErrDamaged, err)
	}
	for table := range all {
		if table != movedFrom && !slices.ContainsFunc(goesAlong, func(e struct{ table, person string }) bool { return e.table == table }) {
			return archive.ErrNewer
		}
	}
	return s.write(ctx, func(c *sqlite.Conn) error {
		for _, e := range goesAlong {
			var rows []map[string]json.RawMessage
			if err := json.Unmarshal([]byte(or(string(all[e.table]), "[]")), &rows); err != nil {
				return fmt.Errorf("%w: %w", archive.ErrDamaged, err)
			}
			columns, err := columnsOf(c, e.table)
			if err != nil {
				return err
			}
			for _, values := range rows {
				var of string
				if err := json.Unmarshal(values[e.person], &of); err != nil || of != name {
					return fmt.Errorf("%w: it tells of somebody else", archive.ErrDamaged)
				}
				if err := insert(c, e.table, columns, values); err != nil {
					return err
				}
			}
		}
		if err := readable(c, name); err != nil {
			return fmt.Errorf("%w: %w", archive.ErrDamaged, err)
		}
		return errors.Join(doubt(c, name), setValues(c, arriving+name, ""))
	})
}

// readable reads what stands of a person: one who could not be read would keep the server from starting, for everybody.
func readable(c *sqlite.Conn, name string) error {
	_, err := readPerson(c, name)
	for query, scan := range map[string]func(*sqlite.Stmt) error{
		reachOf:   func(row *sqlite.Stmt) error { return new(reaching).scan(row) },
		backupsOf: func(row *sqlite.Stmt) error { _, err := scanBackup(row); return err },
	} {
		err = errors.Join(err, sqlitex.Execute(c, query, &sqlitex.ExecOptions{Args: []any{name}, ResultFunc: scan}))
	}
	return err
}

// insert writes a row of a table that has the known columns.
func insert(c *sqlite.Conn, table string, known []string, values map[string]json.RawMessage) error {
	columns, marks, args := "", "", []any{}
	for name, raw := range values {
		if !slices.Contains(known, name) {
			return archive.ErrNewer
		}
		var number int64
		var words string
		var blob struct{ Bytes []byte }
		switch {
		case json.Unmarshal(raw, &number) == nil:
			args = append(args, number)
		case json.Unmarshal(raw, &words) == nil:
			args = append(args, words)
		case json.Unmarshal(raw, &blob) == nil:
			args = append(args, blob.Bytes)
		default:
			return archive.ErrDamaged
		}
		columns, marks = columns+", "+name, marks+", ?"
	}
	if len(args) == 0 {
		return archive.ErrDamaged
	}
	err := sqlitex.Execute(c, `INSERT INTO `+table+` (`+columns[2:]+`) VALUES (`+marks[2:]+`)`, &sqlitex.ExecOptions{Args: args})
	if sqlite.ErrCode(err).ToPrimary() == sqlite.ResultConstraint {
		return fmt.Errorf("%w: %w", archive.ErrDamaged, err)
	}
	return err
}

func columnsOf(c *sqlite.Conn, table string) (names []string, err error) {
	err = sqlitex.Execute(c, `SELECT name FROM pragma_table_info(?)`, &sqlitex.ExecOptions{Args: []any{table}, ResultFunc: func(row *sqlite.Stmt) error {
		names = append(names, row.ColumnText(0))
		return nil
	}})
	return names, err
}

// Restore makes a person's pod out of a backup, in the folder of c, in which no server runs. The pod is the
// same, byte for byte, with contacts, access rules and circles, and with its keys: phones and friends notice
// nothing. It has the name that it had. Errors: ErrPlace, ErrExists when somebody of that name is there, those
// of archive.Open and archive.Contents. Nothing is left behind then, but where the place was no longer reached, or
// nobody wanted it any more: what had come stays, is no pod, and is not asked for again by the same call.
func Restore(ctx context.Context, c Config, address, account, secret, kit string, progress func(archive.Report)) (name string, r archive.Report, err error) {
	name, err = restoreFrom(ctx, c, Backup{Address: address, Account: account, secret: secret}, kit, func(s *state, name string, contents archive.Contents) (err error) {
		r, err = fill(ctx, c, s, name, restoring(address), contents, progress, nil)
		return err
	})
	return name, r, err
}

// restoring is the command that restores from a place.
func restoring(address string) string { return "kith restore " + address }

// restoreFrom opens a backup and gives fill what is there, and whose it is.
func restoreFrom(ctx context.Context, c Config, from Backup, kit string, fill func(s *state, name string, contents archive.Contents) error) (name string, err error) {
	if from.Address, err = checkPlace(c, reachedAs(from.Account, from.Address)); err != nil {
		return "", err
	}
	place, err := from.place()
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrPlace, err)
	}
	contents, err := archive.Open(ctx, place, kit)
	if err != nil {
		return "", err
	}
	if name, err = nameIn(contents.State); err != nil {
		return "", err
	}
	s, err := openState(c.Data, c.Now)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := fill(s, name, contents); err != nil {
		return "", fmt.Errorf("restore %s: %w", name, err)
	}
	return name, nil
}

// nameIn returns whose backup it is.
func nameIn(state []byte) (string, error) {
	var all struct{ Person []struct{ Name string } }
	if err := json.Unmarshal(state, &all); err != nil || len(all.Person) != 1 || checkName(all.Person[0].Name) != nil {
		return "", fmt.Errorf("find whose backup it is: %w", archive.ErrDamaged)
	}
	return all.Person[0].Name, nil
}

// fill writes the resources first: a person without a folder would be served as an empty pod. Where lost is not nil, what
// is damaged is noted there, and made up for. command is what makes the pod, and would go on if this were broken off.
func fill(ctx context.Context, c Config, s *state, name, command string, contents archive.Contents, progress func(archive.Report), lost *losses) (r archive.Report, err error) {
	if _, err := s.person(ctx, name); err == nil {
		return r, fmt.Errorf("%w: there is a pod of %s in %s; restore into another folder with --data", ErrExists, name, c.Data)
	} else if !errors.Is(err, ErrPerson) {
		return r, err
	}
	if err := s.arrive(ctx, c, name, command); err != nil {
		return r, err
	}
	store, err := folder.Open(folder.Options{Tree: c.tree(name), State: c.index(name), Device: "", Now: c.Now})
	if errors.Is(err, folder.ErrBusy) { // the same command, which was a little faster
		return r, err
	}
	defer func() {
		if err != nil && goesOn(ctx, err) {
			err = fmt.Errorf("%w\nWhat has come so far stays in %s, and is no pod yet: say the same again, and it goes on from there", err, c.tree(name))
		} else if err != nil {
			err = errors.Join(err, s.unmake(context.WithoutCancel(ctx), c, name))
		}
	}()
	if err != nil {
		return r, err
	}
	r.Made, r.Total, contents.Rows = contents.Made, len(contents.Rows), apart(contents.Rows)
	each := contents.Each
	if lost != nil {
		each = lost.over(store, contents)
	}
	err = each(ctx, func(row pod.Info, body io.Reader) error {
		had, err := takeLeft(ctx, store, c.left(name), row)
		if err == nil && !had {
			err = putBack(ctx, store, row, body)
		}
		if err != nil {
			return err
		}
		r.Done++
		r.Bytes += row.Size
		if progress != nil {
			progress(r)
		}
		return ctx.Err()
	})
	if err == nil {
		err = removeAll(c.left(name))
	}
	if err = errors.Join(err, store.Close()); err != nil {
		return r, err
	}
	return r, s.restore(ctx, name, contents.State)
}

// putBack writes one resource as it was, and compares it with its entity tag.
func putBack(ctx context.Context, store *folder.Store, row pod.Info, body io.Reader) error {
	o := pod.PutOptions{ID: row.ID, Version: row.Version}
	if body == nil {
		if row.Path.IsRoot() {
			return nil
		}
		return store.Update(ctx, func(tx pod.WriteTx) error { _, err := tx.MakeContainer(row.Path, o); return err })
	}
	st, err := stageAs(ctx, store, row, body)
	if err != nil {
		return err
	}
	err = store.Update(ctx, func(tx pod.WriteTx) error { _, err := tx.Put(row.Path, st, o); return err })
	return errors.Join(err, st.Discard())
}

// stageAs stages the bytes of a row. Errors: archive.ErrDamaged where they are others.
func stageAs(ctx context.Context, store *folder.Store, row pod.Info, body io.Reader) (pod.Staged, error) {
	st, err := store.Stage(ctx, body, pod.StageOptions{Type: row.Type, Modified: row.Modified, Max: 1 << 40})
	if err == nil && st.ETag() != row.ETag {
		err = errors.Join(fmt.Errorf("the bytes are others than the pod had: %w", archive.ErrDamaged), st.Discard())
	}
	return st, err
}

func mustBeEmpty(dir string) error {
	entries, err := os.ReadDir(dir)
	if err == nil && len(entries) > 0 {
		return fmt.Errorf("%w: %s is not empty; restore into another folder with --data", ErrExists, dir)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func removeAll(dirs ...string) (err error) {
	for _, dir := range dirs {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	return err
}
