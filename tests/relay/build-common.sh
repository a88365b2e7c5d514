# Sourced by build-relay and build-client: where builds are kept, and how cargo is run.

CACHE=${MOQSTAT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/moqstat}

die() {
	echo "$(basename "$0"): $*" >&2
	exit 1
}

# Creates the cache and holds its lock until the script ends: all builds share one target directory.
cache_lock() {
	command -v cargo >/dev/null || die "cargo is missing: install Rust 1.85 or later (https://rustup.rs)"
	mkdir -p "$CACHE"
	exec 9>"$CACHE/lock"
	if ! flock -n 9; then
		echo "$(basename "$0"): waiting for another build in $CACHE" >&2
		flock 9
	fi
}

# run_cargo NAME ARGS...: runs cargo with a log of that name, says on stderr how far it is, dies if it fails.
run_cargo() {
	local log=$CACHE/$1.log pid seconds=0
	shift
	# The relay must be what a plain `cargo install` makes of it.
	unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_TARGET CARGO_BUILD_RUSTFLAGS
	export CARGO_TARGET_DIR=$CACHE/target
	if [ -t 2 ]; then
		cargo "$@" 1>&2 9>&- || die "cargo $1 failed"
		return
	fi
	cargo "$@" >"$log" 2>&1 9>&- &
	pid=$!
	# shellcheck disable=SC2064 # the pid of now
	trap "kill $pid 2>/dev/null" EXIT
	while kill -0 "$pid" 2>/dev/null; do
		sleep 1
		seconds=$((seconds + 1))
		if [ $((seconds % 15)) -eq 0 ]; then
			echo "$(basename "$0"): ${seconds}s, $(grep -c '^ *Compiling ' "$log" || true) crates begun" >&2
		fi
	done
	trap - EXIT
	if ! wait "$pid"; then
		tail -n 25 "$log" >&2
		die "cargo $1 failed; the whole log is $log"
	fi
}
