#!/bin/sh
# Installs Polychromify from the folder of this script, for you alone or, as root, for all.
#
#   ./install.sh [--prefix DIR]       DIR is by default ~/.local, as root /usr/local
#   ./install.sh --uninstall [--prefix DIR]
#
# For you alone the plug-in is copied into the profiles of your GIMPs too; as root nobody's are
# touched: `polychromify-gimp install` does it for who calls it. Nothing else is changed, and
# --uninstall removes what was installed: no results, no ledger, no configuration.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
prefix=
uninstall=
while [ $# -gt 0 ]; do
    case $1 in
        --prefix) prefix=${2:?"--prefix needs a folder"}; shift 2 ;;
        --uninstall) uninstall=yes; shift ;;
        -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
        *) echo "install.sh: unknown argument: $1" >&2; exit 2 ;;
    esac
done
if [ "$(id -u)" = 0 ]; then
    mine=
    : "${prefix:=/usr/local}"
else
    mine=yes
    : "${prefix:=${HOME:?}/.local}"
fi

cd "$here"
files=$(find bin share -type f)

if [ -n "$uninstall" ]; then
    [ -z "$mine" ] || bin/polychromify-gimp uninstall || true
    for file in $files; do
        rm -f "$prefix/$file"
    done
    rmdir "$prefix/share/doc/polychromify" "$prefix/share/licenses/polychromify" 2>/dev/null || true
    echo "removed from $prefix"
    exit
fi

for file in $files; do
    mkdir -p "$prefix/${file%/*}"
    # Under another name first: a program that runs is not written to, and none is there in part.
    cp "$file" "$prefix/$file.part"
    mv "$prefix/$file.part" "$prefix/$file"
done
echo "installed into $prefix"
if [ -n "$mine" ]; then
    bin/polychromify-gimp install || echo "start GIMP once, then: polychromify-gimp install"
fi
case :$PATH: in
    *":$prefix/bin:"*) ;;
    *) echo "$prefix/bin is not in your PATH; add it, or call $prefix/bin/polychromify" ;;
esac
