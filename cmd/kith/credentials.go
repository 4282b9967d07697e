package main

import (
	"context"
	"encoding/json"
	"fmt"

	"kith/internal/server"
)

func credentialsCommand() command {
	return command{name: "credentials", summary: "let scripts and Solid tools sign in as a person", run: runCredentials, help: `
Usage: kith credentials add NAME --label LABEL [--data DIR]
       kith credentials list NAME [--data DIR]
       kith credentials revoke NAME CLIENT_ID [--data DIR]

Credentials let a program without a screen sign in with the WebID of NAME, here and at every Solid
server that lets this WebID in (OAuth client credentials with DPoP, as Solid tools do it). Who holds
them may do with resources what NAME may; they cannot invite friends, pair devices or make further
credentials. add prints one line of JSON with the secret, which is kept nowhere and cannot be shown
again; list prints one line for each, without it. It does not matter whether the server runs.

Adding credentials makes the profile of NAME public: anybody may then read profile/card, which says
where the pod and its issuer are, and neither name nor picture. Turn that off in the app under You,
Other apps: every app and all credentials are then signed out.

Libraries take client_id, client_secret and issuer as they are printed. @inrupt/solid-client-authn-node:
  session.login({ clientId, clientSecret, oidcIssuer: issuer })

revoke ends the credentials at once here, and elsewhere when their last token ends, within ten minutes.

Examples:
  kith credentials add alice --label backup --data /srv/kith
  kith credentials add me --label laptop > credentials.json
  kith credentials list alice
  kith credentials revoke alice K5RVJ6QVPQVNW5JDUMH2JHYDTU
`}
}

func runCredentials(ctx context.Context, c *call) error {
	cfg := c.config()
	label := c.flags.String("label", "", "`LABEL` by which NAME recognises the credentials")
	verb, name, id, count, err := c.verb(cfg)
	if err != nil {
		return err
	}
	switch {
	case verb == "add" && count == 2 && *label != "":
		return c.addCredentials(ctx, *cfg, name, *label)
	case verb == "list" && count == 2:
		return c.listCredentials(ctx, *cfg, name)
	case verb == "revoke" && count == 3:
		return server.RevokeCredentials(ctx, *cfg, name, id)
	case verb == "add" && count == 2:
		return fmt.Errorf("%w: say what the credentials are for, for example --label backup", errUsage)
	}
	return fmt.Errorf("%w: say `kith credentials add NAME --label LABEL`, `list NAME` or `revoke NAME CLIENT_ID`", errUsage)
}

func (c *call) addCredentials(ctx context.Context, cfg server.Config, name, label string) error {
	made, err := server.AddCredentials(ctx, cfg, name, label)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(c.stdout).Encode(made); err != nil {
		return err
	}
	pod, where := cfg.PodURL(name), ""
	if usual, err := server.DefaultData(); err != nil || usual != cfg.Data {
		where = " --data " + cfg.Data
	}
	_, err = fmt.Fprintf(c.stderr, "Anybody can read %sprofile/card: it says where the pod of %s and its issuer are, and no name.\n"+
		"Who has this secret may read and change everything in %s. It is shown only this once; to end it:\n  kith credentials revoke %s %s%s\n",
		pod, name, pod, name, made.ID, where)
	return err
}

func (c *call) listCredentials(ctx context.Context, cfg server.Config, name string) error {
	all, err := server.ListCredentials(ctx, cfg, name)
	if err != nil {
		return err
	}
	return list(c, all, fmt.Sprintf("%s has no credentials; make some with `kith credentials add %[1]s --label LABEL`", name))
}
