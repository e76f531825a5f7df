//! The migrations are embedded in the binary: a new file among them has to rebuild it.

fn main() {
    println!("cargo:rerun-if-changed=../supabase/migrations");
}
