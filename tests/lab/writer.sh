# Runs in a container: writes a block of random bytes and its number, makes sure that both are on the disk, says so, and reads an
# earlier block back from the disk. Ends with the first error.
blocks=64
number=0
while [ ! -e /stop ]; do
    number=$((number + 1))
    place=$((number % blocks))
    head -c 16384 /dev/urandom > /block
    sum=$(sha256sum < /block)
    dd if=/block of=/data/blocks bs=16384 seek=$place conv=notrunc,fsync 2> /error || break
    echo $number | dd of=/data/numbers oflag=append conv=notrunc,fsync 2> /error || break
    eval "sum_$place=\"\$sum\""
    # What a test may hold it to.
    echo "$number $(date +%s)"
    [ $((number % 8)) = 0 ] || continue
    place=$(((number / 8 * 5) % blocks))
    eval "sum=\${sum_$place:-}"
    [ -n "$sum" ] || continue
    dd if=/data/blocks of=/read bs=16384 skip=$place count=1 iflag=direct 2> /error || break
    [ "$(sha256sum < /read)" = "$sum" ] || { echo "block $place is another" > /error; break; }
done
if [ ! -e /stop ]; then
    echo "error after $number: $(cat /error)"
    exit 1
fi
# All of it once more.
place=0
while [ $place -lt $blocks ]; do
    eval "sum=\${sum_$place:-}"
    if [ -n "$sum" ]; then
        dd if=/data/blocks of=/read bs=16384 skip=$place count=1 iflag=direct 2> /error
        [ "$(sha256sum < /read)" = "$sum" ] || { echo "error: block $place is another"; exit 1; }
    fi
    place=$((place + 1))
done
echo whole
