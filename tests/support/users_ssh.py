"""What a user's own ~/.ssh/config may have: all of it would be in the way if a session of ours took it over."""

from __future__ import annotations

HARMFUL = """Host *
    RemoteCommand tmux
    RequestTTY force
    LocalForward 9 192.0.2.1:9
    RemoteForward 9 192.0.2.1:9
    DynamicForward 9
    ExitOnForwardFailure yes
    ControlMaster auto
    ControlPath ~/.ssh/%C
    ControlPersist yes
    PermitLocalCommand yes
    LocalCommand echo mine >>~/said
    ForwardAgent yes
    ForwardX11 yes
    ForwardX11Trusted yes
    SendEnv *
    SetEnv LC_ALL=xx_YY.UTF-8 MINE=1
    StdinNull yes
    ForkAfterAuthentication yes
    SessionType none
    LogLevel QUIET
    LogVerbose *
    BatchMode no
    StrictHostKeyChecking no
    UpdateHostKeys yes
    VisualHostKey yes
    HashKnownHosts yes
    EscapeChar i
    EnableEscapeCommandline yes
    AddKeysToAgent yes
    GSSAPIDelegateCredentials yes
    GatewayPorts yes
    Tunnel yes
    UseKeychain yes
    ConnectTimeout 1
    ConnectionAttempts 100
    ServerAliveInterval 0
    ServerAliveCountMax 1000
"""
