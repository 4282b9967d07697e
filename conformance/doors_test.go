package conformance

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/webdav"
)

// cloud is a WebDAV server that lets in one person.
func cloud(t *testing.T, name, password string) string {
	t.Helper()
	files := &webdav.Handler{Prefix: "/files", FileSystem: webdav.NewMemFS(), LockSystem: webdav.NewMemLS()}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, secret, _ := r.BasicAuth(); user != name || secret != password {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		files.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/files/kith"
}

// keptBackup is what a device is told of a backup.
type keptBackup struct {
	ID, Place, User, Error string
	State                  string
	Every                  int
	Tried, Done, Next      *time.Time
	Waiting, Kit           bool
}

// inTheHouse listens at an address that nobody may lead a pod to from afar, and counts who comes.
func inTheHouse(t *testing.T) (address string, knocks func() int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	var n atomic.Int64
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			n.Add(1)
			conn.Close()
		}
	}()
	return l.Addr().String(), n.Load
}

// TestDevicesLookAfterBackups: a device names a place at a WebDAV server, sees how it stands, asks for a run,
// and removes it.
func TestDevicesLookAfterBackups(t *testing.T) {
	t.Parallel()
	place := cloud(t, "ana", "secret")
	data := filepath.Join(t.TempDir(), "data")
	allowed := fmt.Sprintf("fetch = [%q]\n", strings.Split(place, "/")[2])
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, "kith.toml"), []byte(allowed), 0o600); err != nil {
		t.Fatal(err)
	}
	w, people := worldIn(t, data, "alice")
	alice := people[0]
	send := func(method, target, body string, want int) []byte {
		t.Helper()
		r := Request{Method: method, Target: target, Body: []byte(body), Header: fields("Content-Type", "application/json")}
		return w.want(w.ask(alice, r), r, want).Body
	}
	list := func() (all []keptBackup) {
		t.Helper()
		if err := json.Unmarshal(send("GET", ".backups", "", 200), &all); err != nil {
			t.Fatal(err)
		}
		return all
	}
	if all := list(); len(all) != 0 {
		t.Fatalf("before there is any: %+v", all)
	}
	house, knocks := inTheHouse(t)
	for name, body := range map[string]string{
		"a folder of the machine":    `{"place":"/var/backup"}`,
		"no TLS, and not allowed":    `{"place":"http://192.0.2.1/kith","user":"ana","password":"secret"}`,
		"a place that is no address": `{"place":"https://"}`,
	} {
		if answer := send("POST", ".backups", body, 422); strings.Contains(string(answer), "secret") {
			t.Errorf("%s: told %s", name, answer)
		}
	}
	refused := func(body string) (id string) {
		t.Helper()
		var named keptBackup
		if answer := send("POST", ".backups", body, 202); json.Unmarshal(answer, &named) != nil || named.State != "looking" || strings.Contains(string(answer), "secret") {
			t.Errorf("told %s", answer)
		}
		is := func() bool {
			all := list()
			return len(all) == 1 && all[0].ID == named.ID && all[0].State == "refused" && all[0].Error != "" && !all[0].Waiting
		}
		eventually(t, 2*time.Minute, "the place is refused", is)
		if send("POST", ".backups/run", "", 202); !is() {
			t.Errorf("asked for a run: %+v", list())
		}
		return named.ID
	}
	inside := refused(fmt.Sprintf(`{"place":"https://%s/kith","user":"ana","password":"secret"}`, house))
	send("DELETE", ".backups/"+inside, "", 204)
	refused(fmt.Sprintf(`{"place":%q,"user":"ana","password":"guess"}`, place)) // makes way when it is named again
	if n := knocks(); n != 0 {
		t.Errorf("a machine in the house was asked %d times", n)
	}
	send("POST", ".backups", fmt.Sprintf(`{"place":%q,"user":"ana","password":"secret"}`, place), 202)
	settled := func() keptBackup {
		t.Helper()
		for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
			if all := list(); len(all) == 1 && !all[0].Waiting {
				return all[0]
			}
		}
		t.Fatal("the backup does not end")
		return keptBackup{}
	}
	first := settled()
	if first.Error != "" || first.Done == nil || first.Next == nil || !first.Next.After(*first.Tried) || !first.Kit || first.User != "ana" || first.Place != place+"/" || first.Every != 24*3600 {
		t.Fatalf("after the first run: %+v", first)
	}
	send("POST", ".backups/run", "", 202)
	if again := settled(); again.Done == nil || again.Done.Before(*first.Done) {
		t.Errorf("after the second run: %+v, then %+v", first, again)
	}
	send("PUT", ".backups", "", 405)
	send("DELETE", ".backups/nothing", "", 404)
	send("DELETE", ".backups/"+first.ID, "", 204)
	if all := list(); len(all) != 0 {
		t.Errorf("after it was removed: %+v", all)
	}
	nobody := Request{Method: "GET", Target: "/alice/.backups"}
	w.want(w.ask(w.wire, nobody), nobody, 401)
}

// TestADeviceTakesAnAppPasswordBack: what was revoked opens nothing; taken back, the drive opens as before.
func TestADeviceTakesAnAppPasswordBack(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	alice := people[0]
	send := func(method, target, body string, want int) []byte {
		t.Helper()
		r := Request{Method: method, Target: target, Body: []byte(body), Header: fields("Content-Type", "application/json")}
		return w.want(w.ask(alice, r), r, want).Body
	}
	var made struct{ ID, User, Password, URL, Label string }
	const secret = "abcde-fghij-klmno-pqrst"
	hash := sha256.Sum256([]byte("kith password 1\nalice\n" + secret))
	body := fmt.Sprintf(`{"id":"laptop","name":"Laptop","since":1700000000,"hash":%q}`, base64.StdEncoding.EncodeToString(hash[:]))
	for _, bad := range []string{`{"name":"Laptop"}`, `{"id":"laptop","name":"Laptop","since":1,"hash":"AAAA"}`, strings.Replace(body, `"laptop"`, `"Lap top"`, 1), strings.Replace(body, "17", "-17", 1)} {
		send("POST", ".passwords", bad, 400)
	}
	if err := json.Unmarshal(send("POST", ".passwords", body, 201), &made); err != nil || made.Password != "" || made.User != "alice" || made.URL != base+"alice/.dav/" {
		t.Fatalf("made %+v, %v", made, err)
	}
	made.Password = secret
	opens := func() int {
		t.Helper()
		r := must(http.NewRequestWithContext(w.ctx(), "PROPFIND", "http://"+w.wire.Address+"/alice/.dav/", nil))(t)
		r.Header.Set("Depth", "0")
		r.SetBasicAuth(made.User, made.Password)
		answer := must(http.DefaultClient.Do(r))(t)
		if err := answer.Body.Close(); err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode
	}
	if got := opens(); got != 207 {
		t.Fatalf("with the password: %d", got)
	}
	if list := string(send("GET", ".passwords", "", 200)); !strings.Contains(list, made.ID) || strings.Contains(list, made.Password) || !strings.Contains(list, `"used"`) {
		t.Errorf("listed %s", list)
	}
	ended := send("DELETE", ".passwords/"+made.ID, "", 200)
	if got := opens(); got != 401 {
		t.Errorf("revoked: %d", got)
	}
	send("DELETE", ".passwords/"+made.ID, "", 404)
	if strings.Contains(string(ended), made.Password) {
		t.Error("the answer tells the password")
	}
	send("POST", ".passwords", string(ended), 201)
	if got := opens(); got != 207 {
		t.Errorf("taken back: %d", got)
	}
	for name, body := range map[string]string{"a short hash": `{"id":"x","hash":"AAAA"}`, "no id": `{"hash":"` + strings.Repeat("A", 43) + `="}`} {
		if got := send("POST", ".passwords", body, 400); len(got) == 0 {
			t.Errorf("%s: no reason", name)
		}
	}
}
