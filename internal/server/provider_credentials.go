package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kith/webid/issuer"

	"zombiezen.com/go/sqlite"
)

// Credentials are what a script needs in order to sign in as an owner. Secret stands in them only when
// they are made: it is kept nowhere.
type Credentials struct {
	ID     string     `json:"client_id"`
	Secret string     `json:"client_secret,omitempty"`
	WebID  string     `json:"webid"`
	Issuer string     `json:"issuer"`
	Label  string     `json:"label,omitempty"`
	Since  *time.Time `json:"since,omitempty"`
	Used   *time.Time `json:"used,omitempty"` // to the hour
}

// AddCredentials makes credentials for scripts of a person in the folder of c, which is complete, whether
// or not a server runs there. The person signs in elsewhere from then on: their profile/card becomes
// public, without name or picture. Errors: ErrPerson, issuer.ErrFull.
func AddCredentials(ctx context.Context, c Config, name, label string) (Credentials, error) {
	s, err := openState(c.Data, c.Now)
	if err != nil {
		return Credentials{}, err
	}
	defer s.close()
	g, secret := issuer.NewCredentials(c.PodURL(name), clip(label, maxTitle), c.Now())
	err = s.write(ctx, func(conn *sqlite.Conn) error {
		if err := changePerson(conn, name, func(p *person) error { p.elsewhere = true; return nil }); err != nil {
			return err
		}
		return s.addGrant(conn, name, g)
	})
	if err != nil {
		return Credentials{}, advise(err, name)
	}
	return Credentials{ID: g.ID, Secret: secret, WebID: g.Pod + "profile/card#me", Issuer: c.Issuer()}, nil
}

// ListCredentials returns the credentials of a person, the oldest first. Errors: ErrPerson.
func ListCredentials(ctx context.Context, c Config, name string) (all []Credentials, err error) {
	s, err := openState(c.Data, c.Now)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if _, err := s.person(ctx, name); err != nil {
		return nil, advise(err, name)
	}
	grants, err := s.grants(ctx, c, `g.person = ? AND g.kind = ?`, name, issuer.KindCredentials)
	for _, g := range grants {
		shown := Credentials{ID: g.ID, WebID: g.Pod + "profile/card#me", Issuer: c.Issuer(), Label: g.Name, Since: &g.Since}
		if !g.Used.IsZero() {
			shown.Used = &g.Used
		}
		all = append(all, shown)
	}
	return all, err
}

// RevokeCredentials removes credentials of a person. Their tokens are refused at this host at once, and
// elsewhere within ten minutes. Errors: ErrPerson, issuer.ErrUnknown.
func RevokeCredentials(ctx context.Context, c Config, name, id string) error {
	s, err := openState(c.Data, c.Now)
	if err != nil {
		return err
	}
	defer s.close()
	if _, err := s.person(ctx, name); err != nil {
		return advise(err, name)
	}
	if err := s.removeGrant(ctx, name, id); errors.Is(err, issuer.ErrUnknown) {
		return fmt.Errorf("revoke %q of %s: %w; see `kith credentials list %s`", id, name, err, name)
	} else if err != nil {
		return err
	}
	return nil
}

func advise(err error, name string) error {
	if errors.Is(err, ErrPerson) {
		return fmt.Errorf("%w; `kith person list` tells who is, and `kith person add %s` makes a pod", err, name)
	}
	return err
}
