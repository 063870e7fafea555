//! What the process asks of the system: a CPU of its own, many descriptors, exact timers.

use std::io;

const DESCRIPTORS: libc::rlim_t = 1 << 20;

/// Runs the calling thread on one CPU only.
pub fn pin(cpu: usize) -> io::Result<()> {
    // SAFETY: the set is plain bits; CPU_SET ignores numbers beyond it.
    let result = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cpu, &mut set);
        libc::sched_setaffinity(0, size_of_val(&set), &set)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Allows as many descriptors as our rights permit.
pub fn raise_descriptor_limit() {
    // SAFETY: `limit` lives through the calls. A refusal leaves the lower limit; opening more
    // sockets than that fails with its own error.
    unsafe {
        let mut limit = libc::rlimit { rlim_cur: DESCRIPTORS, rlim_max: DESCRIPTORS };
        if libc::setrlimit(libc::RLIMIT_NOFILE, &limit) == 0 {
            return;
        }
        libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit);
        limit.rlim_cur = limit.rlim_max;
        libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
    }
}

/// Lets sleeps end when asked, not up to 50 µs later.
pub fn use_exact_timers() {
    // SAFETY: takes a number only.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1) };
}
