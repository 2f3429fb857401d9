# Sourced by scripts/package and scripts/package-windows, from the folder of the project.

export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export LC_ALL=C TZ=UTC
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)

# Compiles both programs with no path of this machine in them; `built` is their folder then. What the
# user's own configuration says of the profile does not count.
#
#   compile FOLDER ENDING SUBCOMMAND...    FOLDER is that of the release below Cargo's, ENDING that of
#                                          the programs' names, SUBCOMMAND what Cargo is told to do
compile() {
    local home=${CARGO_HOME:-$HOME/.cargo} program
    export CARGO_TARGET_DIR=$PWD/target/package-build
    built=$CARGO_TARGET_DIR/$1
    CARGO_INCREMENTAL=0 CARGO_PROFILE_RELEASE_LTO=false \
        RUSTFLAGS="--remap-path-prefix=$HOME=/home --remap-path-prefix=$home=/cargo \
--remap-path-prefix=$PWD=/polychromify" \
        CFLAGS="-ffile-prefix-map=$HOME=/home -ffile-prefix-map=$home=/cargo \
-ffile-prefix-map=$PWD=/polychromify" \
        cargo "${@:3}" --release --locked -p polychromify -p polychromify-gimp
    for program in "$built"/polychromify{,-gimp}"$2"; do
        if grep -qaF -e "$PWD/" -e "$home/" "$program"; then
            echo "$0: $program: has a path of this machine" >&2
            exit 1
        fi
    done
}
