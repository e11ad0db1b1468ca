#!/usr/bin/env bash
# The first process in the camera machine: makes it a machine, runs the job, and switches it off.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 HOME=/run TMPDIR=/run
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t tmpfs run /run
mkdir /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs shm /dev/shm
mount -t configfs config /sys/kernel/config
ip link set lo up 2>/dev/null

# Loads a driver with its parameters.
driver() { modprobe --dirname "$MODULES" "$@"; }
# Makes /dev/gpiochip0 with eight lines, labelled `gate`; $GPIO/sim_gpio0/value says what line 0 is, and pull what an input is pulled to.
gpio() {
    driver gpio-sim
    mkdir -p /sys/kernel/config/gpio-sim/gate/lines
    echo 8 >/sys/kernel/config/gpio-sim/gate/lines/num_lines
    echo gate >/sys/kernel/config/gpio-sim/gate/lines/label
    echo 1 >/sys/kernel/config/gpio-sim/gate/live
}
export GPIO=/sys/devices/platform/gpio-sim.0/gpiochip0
export -f driver gpio

cd /run
bash "$SHARE/job.sh"
echo "machine: status $?"
"$SHARE/camera-machine" off
