//! Links the unwinder of GCC's runtime into the program, so that it needs glibc and nothing else: minimal images have no
//! libgcc_s.so.1, and one library less to load is worth a tenth of a millisecond at each start.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let target = std::env::var("TARGET").unwrap_or_default();
    // Only where the compiler at hand is that of the target.
    if !target.ends_with("-linux-gnu") || std::env::var("HOST").as_ref() != Ok(&target) {
        return;
    }
    let Ok(answer) = Command::new("cc").arg("-print-file-name=libgcc_eh.a").output() else { return };
    let path = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
    // Where it is not installed, cc repeats the name; the program then loads libgcc_s as usual.
    if let Some(folder) = Path::new(&path).parent().filter(|f| f.is_absolute()) {
        println!("cargo::rustc-link-search=native={}", folder.display());
        println!("cargo::rustc-link-lib=static:+whole-archive=gcc_eh");
    }
}
