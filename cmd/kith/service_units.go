package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"path/filepath"
	"strings"
)

// unit is what a service is made of: which program, over which folder, for one account or for the whole machine.
type unit struct {
	program string // absolute
	data    string // absolute
	account string // for whom, in a task of Windows
	system  bool
}

// systemAccount is the account of the service of a whole machine.
const systemAccount = "kith"

// systemd returns the unit file. The bounds of memory leave room, for what the kernel holds on behalf of the program, above
// the 231 MB that it was seen to take at most, from 10,000 slow connections (docs/performance.md). What stands in the first group of options holds for a unit of one account too; the second needs
// the rights of the system's own systemd.
func (u unit) systemd() string {
	target, more, network := "default.target", "", ""
	if u.system {
		target, more, network = "multi-user.target", u.confined(), "Wants=network-online.target\nAfter=network-online.target\n"
	}
	return fmt.Sprintf(`[Unit]
Description=Kith, a pod
%s
[Service]
ExecStart=%s serve --data %s
Restart=on-failure
RestartSec=5
TimeoutStopSec=30
UMask=0077
LimitNOFILE=65536
MemoryHigh=320M
MemoryMax=384M
TasksMax=512
NoNewPrivileges=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
%s
[Install]
WantedBy=%s
`, network, quoted(u.program), quoted(u.data), more, target)
}

// confined are the options of the system's own unit: the program sees and changes its folder and nothing else. A
// backup to another disk needs that named too (systemctl edit kith: ReadWritePaths=).
func (u unit) confined() string {
	home := "yes"
	for _, below := range []string{"/home/", "/root/", "/run/user/"} {
		if strings.HasPrefix(u.data+"/", below) || strings.HasPrefix(u.program, below) {
			home = "read-only"
		}
	}
	return fmt.Sprintf(`User=%[1]s
Group=%[1]s
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
AmbientCapabilities=CAP_NET_BIND_SERVICE
ProtectSystem=strict
ReadWritePaths=%[2]s
ProtectHome=%[3]s
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProcSubset=pid
RemoveIPC=yes
`, systemAccount, quoted(u.data), home)
}

// quoted writes a word of a unit file (systemd.syntax(7), systemd.service(5) §command lines).
func quoted(word string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `%`, `%%`, `$`, `$$`).Replace(word) + `"`
}

// launchd returns the property list of a launch agent, launchd.plist(5).
func (u unit) launchd() string {
	return fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key><string>%s</string>
  <key>ProgramArguments</key>
  <array>
    <string>%s</string><string>serve</string>
    <string>--data</string><string>%s</string>
    <string>--log</string><string>%s</string>
  </array>
  <key>RunAtLoad</key><true/>
  <key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict>
  <key>ThrottleInterval</key><integer>10</integer>
  <key>ProcessType</key><string>Background</string>
  <key>Umask</key><integer>63</integer>
</dict>
</plist>
`, launchLabel, escaped(u.program), escaped(u.data), escaped(u.logFile()))
}

const launchLabel = "kith.pod"

// task returns the definition of a scheduled task that starts when its owner signs in (Task Scheduler schema 1.2). It
// names the owner: a task for whoever signs in takes an administrator.
func (u unit) task() string {
	arguments := fmt.Sprintf(`serve --data "%s" --log "%s"`, u.data, u.logFile())
	return fmt.Sprintf(`<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo><Description>Kith, a pod</Description></RegistrationInfo>
  <Triggers><LogonTrigger><Enabled>true</Enabled><UserId>%[1]s</UserId></LogonTrigger></Triggers>
  <Principals><Principal id="Owner"><UserId>%[1]s</UserId><LogonType>InteractiveToken</LogonType><RunLevel>LeastPrivilege</RunLevel></Principal></Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <Hidden>true</Hidden>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <RestartOnFailure><Interval>PT1M</Interval><Count>99</Count></RestartOnFailure>
  </Settings>
  <Actions Context="Owner"><Exec><Command>%[2]s</Command><Arguments>%[3]s</Arguments></Exec></Actions>
</Task>
`, escaped(u.account), escaped(u.program), escaped(arguments))
}

func (u unit) logFile() string { return filepath.Join(u.data, "log", "kith.log") }

func escaped(text string) string {
	var b bytes.Buffer
	xml.EscapeText(&b, []byte(text))
	return b.String()
}
