# Ends a generation of test PostgreSQL once no process uses it: $1 its folder, $2 seconds to linger.
trap '' HUP INT TERM
home=$1
linger=$2
idle=0

# Says whether a process listed in the folder $1 is alive; forgets the others.
used() {
    for file in "$1"/*; do
        [ -e "$file" ] || continue
        kill -0 "${file##*/}" 2>/dev/null && return 0
        rm -f "$file"
    done
    return 1
}

while [ -d "$home/users" ]; do
    if used "$home/users"; then idle=0; else idle=$((idle + 1)); fi
    if [ "$idle" -gt "$linger" ]; then
        # Nobody can join from here on; whoever joined just before keeps it alive.
        mv "$home/users" "$home/closed" || exit 1
        used "$home/closed" || break
        mv "$home/closed" "$home/users"
        idle=0
    fi
    sleep 1
done

base=$home/postgres
[ -f "$home/postgres.location" ] && base=$(cat "$home/postgres.location")
pid=$(head -n 1 "$base/data/postmaster.pid" 2>/dev/null)
# The process of that number must be a postmaster of this very folder.
if [ -n "$pid" ] && ps -o args= -p "$pid" 2>/dev/null | grep -qF "$base/data" ||
    { [ -n "$pid" ] && tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF "$base/data"; } 2>/dev/null; then
    kill -QUIT "$pid"
    tries=0
    while kill -0 "$pid" 2>/dev/null && [ "$tries" -lt 30 ]; do
        sleep 1
        tries=$((tries + 1))
    done
fi
case $base in */postgres | */postgres-*) rm -rf "$base" ;; esac
rm -rf "$home"
