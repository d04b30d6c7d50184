#!/usr/bin/env python3
"""Checks what can be checked of deploy/ without Docker or Kubernetes. Run by scripts/test-deploy."""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
failures = []


def check(holds, complaint):
    if not holds:
        failures.append(complaint)


def source(*paths):
    return "".join(path.read_text() for root in paths for path in sorted((ROOT / root).rglob("*.rs")))


ENOUGH = "the memory that it may use is not enough to hash on half of the cores that it may use"


def enough(cores, mebibytes):
    """Whether memory does for a service that is idle and then hashes on every core that the hasher takes."""
    idle, hash_takes = 64, 19
    return cores is not None and idle + hash_takes * max(1, cores // 2) <= mebibytes


def systemd():
    unit = (DEPLOY / "systemd/mfa-http.service").read_text()
    cores, memory = re.search(r"^CPUQuota=(\d+)%$", unit, re.M), re.search(r"^MemoryMax=(\d+)M$", unit, re.M)
    check(cores and memory and enough(int(cores[1]) // 100, int(memory[1])), f"mfa-http.service: {ENOUGH}")
    # The commands that make its folder and settings, in another place: the unit's user reads certificates there.
    commands = re.findall(r"^(?:install -d|\(umask).*/etc/mfa.*$", (DEPLOY / "README.md").read_text(), re.M)
    with tempfile.TemporaryDirectory() as root:
        script = re.sub(r"\$\(openssl[^)]*\)", "key", "\n".join(commands)).replace("/etc/mfa", f"{root}/etc/mfa")
        subprocess.run(["bash", "-euc", f"umask 022\nmkdir {root}/etc\n{script}"], check=True)
        modes = {path.name: oct(path.stat().st_mode & 0o777) for path in pathlib.Path(root, "etc").rglob("*")}
    expected = {"mfa": "0o755", "mfa-http.env": "0o600"}
    check(modes == expected, f"README.md: its commands for systemd make {modes}, not {expected}")


def compose():
    program = source("mfa-http/src")
    for name in ("compose.yaml", "test-servers.yaml"):
        file = yaml.safe_load((DEPLOY / name).read_text())
        services = file["services"]
        for service, settings in services.items():
            what = f"{name}: {service}"
            check(settings.get("image"), f"{what} has no image")
            # What is published is published to this machine only.
            for port in settings.get("ports", []):
                check(str(port).startswith("127.0.0.1:"), f"{what} publishes {port} to everybody")
            for needed in settings.get("depends_on", []):
                same = set(settings.get("profiles", [])) <= set(services.get(needed, {}).get("profiles", []))
                check(needed in services and same, f"{what} needs {needed}, which its profile does not start")
            for volume in settings.get("volumes", []):
                check(volume.split(":")[0] in file.get("volumes", {}), f"{what} uses {volume}, which is not declared")
    for service, settings in yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"].items():
        check(len(settings.get("profiles", [])) == 1, f"compose.yaml: {service} belongs to no profile")
        if not service.startswith("mfa-"):
            continue
        check(service == f"mfa-{settings['profiles'][0]}", f"compose.yaml: {service} is not named after its profile")
        for name, value in settings["environment"].items():
            check(name.startswith("AWS_") or f'"{name}"' in program, f"compose.yaml: nothing reads {name}")
            secret = name in ("MFA_ADMIN_KEY",) or "PASSWORD" in name
            check(not secret or value.startswith("${"), f"compose.yaml: {service} has {name} in plain text")
        check(settings.get("read_only") is True, f"compose.yaml: {service} may write to its root")
        check(settings.get("cap_drop") == ["ALL"], f"compose.yaml: {service} keeps capabilities")
        memory = re.fullmatch(r"(\d+)m", settings.get("mem_limit", ""))
        check(memory and enough(settings.get("cpus"), int(memory[1])), f"compose.yaml: {service}: {ENOUGH}")


def kubernetes():
    """What the schemas leave open: that the files fit each other and the program."""
    kustomization = yaml.safe_load((DEPLOY / "kubernetes/kustomization.yaml").read_text())
    files = {path.name for path in (DEPLOY / "kubernetes").glob("*.yaml")} - {"kustomization.yaml"}
    check(files == set(kustomization["resources"]), "kubernetes: the kustomization does not name each file")
    objects = {}
    for name in files:
        for item in yaml.safe_load_all((DEPLOY / "kubernetes" / name).read_text()):
            objects[item["kind"]] = item
    deployment = objects["Deployment"]["spec"]
    labels = deployment["template"]["metadata"]["labels"].items()
    selectors = {
        "Deployment": deployment["selector"]["matchLabels"],
        "Service": objects["Service"]["spec"]["selector"],
        "PodDisruptionBudget": objects["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        "NetworkPolicy": objects["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
    }
    for kind, selector in selectors.items():
        check(selector and selector.items() <= labels, f"kubernetes: {kind} does not select the pods")
    budget = objects["PodDisruptionBudget"]["spec"]["minAvailable"]
    check(budget < deployment["replicas"], "kubernetes: the disruption budget allows no disruption")

    pod = deployment["template"]["spec"]
    container = pod["containers"][0]
    check(pod["automountServiceAccountToken"] is False, "kubernetes: a token is mounted")
    check(pod["securityContext"]["runAsNonRoot"] is True, "kubernetes: may run as root")
    check(pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault", "kubernetes: no seccomp profile")
    security = container["securityContext"]
    check(security["readOnlyRootFilesystem"] is True, "kubernetes: may write to its root")
    check(security["allowPrivilegeEscalation"] is False, "kubernetes: may escalate")
    check(security["capabilities"]["drop"] == ["ALL"], "kubernetes: keeps capabilities")
    check({"cpu", "memory"} <= container["resources"]["limits"].keys(), "kubernetes: no limits")
    check("env" not in container, "kubernetes: settings belong in the secret")

    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    check(objects["Service"]["spec"]["ports"][0]["targetPort"] in ports, "kubernetes: the service has another port")
    allowed = objects["NetworkPolicy"]["spec"]["ingress"][0]["ports"][0]["port"]
    check(allowed in ports.values(), "kubernetes: the network policy lets nobody in")
    listen = re.search(r"^ENV MFA_LISTEN=.*:(\d+)$", (DEPLOY / "Dockerfile").read_text(), re.M)
    check(listen and int(listen[1]) in ports.values(), "kubernetes: the image listens on another port")

    routes = json.loads((ROOT / "docs/openapi.json").read_text())["paths"]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        path = container[probe]["httpGet"]["path"]
        check("get" in routes.get(path, {}), f"kubernetes: {probe} asks {path}, which is no route")
    user = re.search(r"^USER (\d+):(\d+)$", (DEPLOY / "Dockerfile").read_text(), re.M)
    check(user and int(user[1]) == pod["securityContext"]["runAsUser"], "kubernetes: another user than the image's")
    # Draining must end before the kill.
    drain = re.search(r"const DRAIN: Duration = Duration::from_secs\((\d+)\)", source("mfa-http/src"))
    wait = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    grace = pod["terminationGracePeriodSeconds"]
    check(drain and wait + int(drain[1]) < grace, "kubernetes: pods are killed while they drain")


def dockerfile():
    lines = [line for line in (DEPLOY / "Dockerfile").read_text().splitlines() if not line.startswith("#")]
    bases = [line.split()[1] for line in lines if line.startswith("FROM ")]
    for base in bases:
        check(base == "scratch" or re.search(r":\d", base), f"Dockerfile: {base} has no version")
    last = lines[max(n for n, line in enumerate(lines) if line.startswith("FROM ")) :]
    check(
        any(re.match(r"USER [1-9]\d*:[1-9]\d*$", line) for line in last), "Dockerfile: no numeric user other than root"
    )
    check(any(line.startswith("HEALTHCHECK ") and '"health"]' in line for line in last), "Dockerfile: no health check")
    check(not re.search(r"^(ENV|ARG) .*(KEY|SECRET|PASSWORD)", "\n".join(lines), re.M), "Dockerfile: a secret")
    toolchain = re.search(r'channel = "(\d+\.\d+)(\.\d+)?"', (ROOT / "rust-toolchain.toml").read_text())
    check(f"rust:{toolchain[1]}-alpine" in bases, "Dockerfile: another Rust than rust-toolchain.toml's")
    check(f"RUSTUP_TOOLCHAIN={toolchain[1]}{toolchain[2] or ''}" in "\n".join(lines), "Dockerfile: another toolchain")
    # Every member of the workspace must be there, or cargo refuses the workspace.
    kept = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    members = re.search(r"members = \[(.*?)\]", (ROOT / "Cargo.toml").read_text(), re.S)[1]
    for member in re.findall(r'"([^"]+)"', members):
        found = any(pathlib.PurePath(member).match(line[1:]) for line in kept if line.startswith("!"))
        check(found, f"Dockerfile.dockerignore leaves out {member}")


systemd()
compose()
kubernetes()
dockerfile()
for failure in failures:
    print(f"check-deploy-files: {failure}", file=sys.stderr)
sys.exit(bool(failures))
