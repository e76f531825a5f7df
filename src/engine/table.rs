//! A small map, for the few streams, meetings and requests that a page ever has.

use alloc::vec::Vec;

/// Entries in the order of insertion, found by looking at each: for a handful of them that is as fast as a tree, and a
/// tenth of its code in the WASM, where every tree of another type is another copy of the algorithm.
#[derive(Clone, Debug)]
pub struct Table<K, V>(Vec<(K, V)>);

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Table(Vec::new())
    }
}

impl<K: PartialEq, V> Table<K, V> {
    /// The value under `key`.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.0.iter().find(|(other, _)| other == key).map(|(_, value)| value)
    }

    /// The value under `key`, to be changed.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.0.iter_mut().find(|(other, _)| other == key).map(|(_, value)| value)
    }

    /// Puts `value` under `key`, in the place of what was there.
    pub fn insert(&mut self, key: K, value: V) {
        match self.get_mut(&key) {
            Some(place) => *place = value,
            None => self.0.push((key, value)),
        }
    }

    /// Sees to it that there is something under `key`.
    pub fn ensure(&mut self, key: &K, new: impl FnOnce() -> V)
    where
        K: Clone,
    {
        if self.get(key).is_none() {
            self.0.push((key.clone(), new()));
        }
    }

    /// Takes the value under `key` out.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let at = self.0.iter().position(|(other, _)| other == key)?;
        Some(self.0.remove(at).1)
    }

    /// What is under `key` is the newest from now on.
    pub fn move_to_end(&mut self, key: &K) {
        if let Some(at) = self.0.iter().position(|(other, _)| other == key) {
            let entry = self.0.remove(at);
            self.0.push(entry);
        }
    }

    /// All entries.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// All entries, the values to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.0.iter_mut().map(|(key, value)| (&*key, value))
    }

    /// All values.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.0.iter().map(|(_, value)| value)
    }

    /// All values, to be changed.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    /// Takes everything out.
    pub fn take(&mut self) -> Vec<(K, V)> {
        core::mem::take(&mut self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Table;
    use alloc::vec::Vec;

    #[test]
    fn a_key_has_one_value() {
        let mut table = Table::default();
        table.insert("a", 1);
        table.insert("b", 2);
        table.insert("a", 3);
        assert_eq!(table.iter().collect::<Vec<_>>(), [(&"a", &3), (&"b", &2)]);
        assert_eq!((table.remove(&"a"), table.remove(&"a"), table.get(&"b")), (Some(3), None, Some(&2)));
    }
}
