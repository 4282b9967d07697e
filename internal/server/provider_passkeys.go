package server

import (
	"context"
	"encoding/json"
	"net/http"

	"kith/webid/issuer"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// Passkeys implements issuer.Store.
func (p provider) Passkeys(ctx context.Context, handle []byte) ([]issuer.Passkey, error) {
	return p.s.state.passkeys(ctx, p.s.config, `handle = ?`, handle)
}

// KeepPasskey implements issuer.Store.
func (p provider) KeepPasskey(ctx context.Context, k issuer.Passkey) error {
	return p.s.state.write(ctx, func(c *sqlite.Conn) error {
		return sqlitex.Execute(c, `UPDATE passkey SET credential = ?, used = ? WHERE id = ?`,
			&sqlitex.ExecOptions{Args: []any{string(k.Credential), seconds(k.Used), k.ID}})
	})
}

func (s *state) passkeys(ctx context.Context, cfg Config, condition string, args ...any) (all []issuer.Passkey, err error) {
	query := `SELECT id, person, handle, name, credential, since, used FROM passkey WHERE ` + condition + ` ORDER BY since, id`
	err = s.read(ctx, query, args, func(row *sqlite.Stmt) error {
		all = append(all, issuer.Passkey{
			ID: column(row, 0), Pod: cfg.PodURL(row.ColumnText(1)), Handle: column(row, 2), Name: row.ColumnText(3),
			Credential: []byte(row.ColumnText(4)), Since: moment(row, 5), Used: moment(row, 6),
		})
		return nil
	})
	return all, err
}

// passkeysMost bounds the passkeys of one person.
const passkeysMost = 16

func (s *state) addPasskey(ctx context.Context, person string, k issuer.Passkey) error {
	return s.write(ctx, func(c *sqlite.Conn) error {
		err := sqlitex.Execute(c, `INSERT INTO passkey (id, person, handle, name, credential, since, used)
			SELECT ?, ?, ?, ?, ?, ?, 0 WHERE (SELECT count(*) FROM passkey WHERE person = ?) < ? ON CONFLICT DO NOTHING`,
			&sqlitex.ExecOptions{Args: []any{k.ID, person, k.Handle, k.Name, string(k.Credential), seconds(k.Since), person, passkeysMost}})
		if err == nil && c.Changes() == 0 {
			return issuer.ErrFull
		}
		return err
	})
}

// removePasskey removes a passkey of a person, or returns issuer.ErrUnknown.
func (s *state) removePasskey(ctx context.Context, person string, id []byte) error {
	return s.write(ctx, func(c *sqlite.Conn) error {
		err := sqlitex.Execute(c, `DELETE FROM passkey WHERE person = ? AND id = ?`, &sqlitex.ExecOptions{Args: []any{person, id}})
		if err == nil && c.Changes() == 0 {
			return issuer.ErrUnknown
		}
		return err
	})
}

// makePasskey answers POST .passkeys, where one of the owner's devices makes a passkey: `{}` gets the
// options for the browser, and what the browser made of them is kept.
func (h *home) makePasskey(w http.ResponseWriter, r *http.Request) error {
	var req struct {
		Credential json.RawMessage `json:"credential"`
		Name       string          `json:"name"`
	}
	if err := readJSON(w, r, maxPasskey, &req); err != nil {
		return err
	}
	known, err := h.state.passkeys(r.Context(), h.config, `person = ?`, h.name)
	if err != nil {
		return err
	}
	if len(req.Credential) == 0 {
		options, err := h.provider.NewPasskey(h.url, known)
		if err != nil {
			return err
		}
		return writeJSON(w, http.StatusOK, options)
	}
	made, err := h.provider.AddPasskey(h.url, req.Name, req.Credential)
	if err == nil {
		err = h.state.addPasskey(r.Context(), h.name, made)
	}
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusCreated, shownPasskey(made))
}

// maxPasskey bounds what a browser says of a passkey, in bytes.
const maxPasskey = 64 << 10
