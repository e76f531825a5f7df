//! Random numbers that are the same in every run.

/// splitmix64.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// The numbers that follow from this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// From 0 until before `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    /// Any order of these.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

/// Whether this is a run that may take long.
pub fn is_soak() -> bool {
    std::env::var_os("STREAMKEEPER_SOAK").is_some()
}

/// How many cases a property is tried with.
pub fn cases(normal: u32) -> u32 {
    if is_soak() { normal * 100 } else { normal }
}
