package solid

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// StartCSS starts Community Solid Server, all in memory, on a free port of this machine, and makes accounts,
// pods and credentials for Alice and Bob through its account API. modules is the node_modules folder that has
// the package @solid/community-server. The caller stops the server.
func StartCSS(ctx context.Context, modules string) (*Server, error) {
	modules, err := filepath.Abs(modules)
	if err != nil {
		return nil, fmt.Errorf("start CSS: %w", err)
	}
	port, err := freePort()
	if err != nil {
		return nil, fmt.Errorf("start CSS: %w", err)
	}
	base := "http://localhost:" + port + "/"
	script := filepath.Join(modules, "@solid", "community-server", "bin", "server.js")
	command := exec.Command("node", script, "--port", port, "--baseUrl", base, "--loggingLevel", "error", "--config", "@css:config/default.json")
	command.Dir = filepath.Dir(modules)
	// CSS takes variables that begin with its name for options.
	command.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "CSS_") })
	s, err := launch(command, func() error { return nil })
	if err != nil {
		return nil, err
	}
	if err := s.furnish(ctx, base); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// furnish waits for CSS and makes its accounts.
func (s *Server) furnish(ctx context.Context, base string) error {
	if err := s.answers(ctx, base); err != nil {
		return err
	}
	s.Config = Config{Keep: true}
	var pod string
	var err error
	if s.Alice, pod, err = account(ctx, base, "alice"); err != nil {
		return err
	}
	s.URL = pod
	if s.Bob, _, err = account(ctx, base, "bob"); err != nil {
		return err
	}
	s.Elsewhere, err = listenElsewhere()
	return err
}

// answers waits until CSS answers; it says that it listens before it does.
func (s *Server) answers(ctx context.Context, base string) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodHead, base, nil)
		if err != nil {
			return err
		}
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			return res.Body.Close()
		}
		select {
		case <-s.exited:
			return fmt.Errorf("%w: %w\n%s", errStart, errors.Join(s.status, err), s.Output())
		case <-ctx.Done():
			return fmt.Errorf("%w in time: %w\n%s", errStart, err, s.Output())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// freePort returns a port that nobody listens on at this moment. CSS wants to know its own URL beforehand.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, errors.Join(err, l.Close())
}

// account makes an account with a pod at CSS and returns its client credentials and the pod's URL.
func account(ctx context.Context, base, name string) (Credentials, string, error) {
	var made struct {
		Token string `json:"authorization"`
	}
	if err := accountCall(ctx, http.MethodPost, base+".account/account/", "", map[string]string{}, &made); err != nil {
		return Credentials{}, "", err
	}
	var index struct {
		Controls struct {
			Account  struct{ Pod, ClientCredentials string }
			Password struct{ Create string }
		}
	}
	if err := accountCall(ctx, http.MethodGet, base+".account/", made.Token, map[string]string{}, &index); err != nil {
		return Credentials{}, "", err
	}
	login := map[string]string{"email": name + "@example.org", "password": random(9)}
	if err := accountCall(ctx, http.MethodPost, index.Controls.Password.Create, made.Token, login, nil); err != nil {
		return Credentials{}, "", err
	}
	var pod struct{ Pod, WebID string }
	if err := accountCall(ctx, http.MethodPost, index.Controls.Account.Pod, made.Token, map[string]string{"name": name}, &pod); err != nil {
		return Credentials{}, "", err
	}
	var secret struct{ ID, Secret string }
	ask := map[string]string{"name": "conformance", "webId": pod.WebID}
	if err := accountCall(ctx, http.MethodPost, index.Controls.Account.ClientCredentials, made.Token, ask, &secret); err != nil {
		return Credentials{}, "", err
	}
	return Credentials{ID: secret.ID, Secret: secret.Secret, WebID: pod.WebID, Issuer: base}, pod.Pod, nil
}

// errAccount says that CSS did not make an account.
var errAccount = errors.New("refused")

func accountCall(ctx context.Context, method, url, token string, body, into any) error {
	var text bytes.Buffer
	if err := json.NewEncoder(&text).Encode(body); err != nil {
		return fmt.Errorf("make account: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, &text)
	if err != nil {
		return fmt.Errorf("make account: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "CSS-Account-Token "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("make account: %w", err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil || res.StatusCode != http.StatusOK {
		return fmt.Errorf("make account: %s: %d %s: %w", url, res.StatusCode, answer, errors.Join(errAccount, err))
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("make account: %w", err)
	}
	return nil
}
