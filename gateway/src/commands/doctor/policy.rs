//! A policy, as a migration writes it or as PostgreSQL prints it, so that the two can be compared.
//!
//! PostgreSQL prints an expression in its own way, and each version a little differently: with more brackets, casts and
//! names. So what counts is which names and literals an expression goes by.

use std::collections::BTreeSet;

/// What PostgreSQL writes for what migrations write otherwise, and the other way round.
const SAME: [&str; 6] = ["any", "array", "as", "in", "public", "text"];

/// One policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// `public.livestreams`
    pub table: String,
    /// Without quotes.
    pub name: String,
    /// All policies of ours are.
    pub permissive: bool,
    /// `select`, `all`
    pub command: String,
    /// Whom it is for.
    pub roles: BTreeSet<String>,
    /// Which rows are seen, and which may be written.
    pub using: String,
    pub check: String,
}

impl Policy {
    /// `create policy "own row" on public.app_users for select to authenticated using (…)`
    pub fn read(statement: &str) -> Option<Self> {
        let mut parts = statement.splitn(3, '"');
        let (name, rest) = (parts.nth(1)?, parts.next()?);
        let (head, expressions) = rest.split_once("using").unwrap_or((rest, ""));
        let (using, check) = expressions.split_once("with check").unwrap_or((expressions, ""));
        let words: Vec<&str> = head.split([' ', '\n', ',']).filter(|word| !word.is_empty()).collect();
        let behind = |word: &'static str| words.iter().skip_while(move |known| **known != word).skip(1);
        let roles: BTreeSet<String> = behind("to").map(|role| (*role).to_owned()).collect();
        Some(Self {
            table: (*behind("on").next()?).to_owned(),
            name: name.to_owned(),
            permissive: !words.contains(&"restrictive"),
            command: behind("for").next().map_or("all", |command| *command).to_owned(),
            roles: if roles.is_empty() { BTreeSet::from(["public".to_owned()]) } else { roles },
            using: using.trim().to_owned(),
            check: check.trim().to_owned(),
        })
    }

    /// Is it the same policy, with the same to say?
    pub fn means(&self, other: &Self) -> bool {
        let rest =
            |it: &Self| (it.permissive, it.command.clone(), it.roles.clone(), words(&it.using), words(&it.check));
        rest(self) == rest(other)
    }

    /// The line that makes it again, on the table as SQL wants it.
    pub fn statement(&self) -> String {
        let roles = self.roles.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let using = if self.using.is_empty() { String::new() } else { format!(" using {}", self.using) };
        let check = if self.check.is_empty() { String::new() } else { format!(" with check {}", self.check) };
        format!("create policy \"{}\" on {} for {} to {roles}{using}{check};", self.name, self.table, self.command)
    }
}

/// The names, without what they are qualified by, and the literals.
fn words(expression: &str) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for (n, part) in expression.split('\'').enumerate() {
        if n % 2 == 1 {
            // `5 minutes` is printed as `00:05:00`.
            if !part.starts_with(|c: char| c.is_ascii_digit()) {
                words.insert(format!("'{part}'"));
            }
            continue;
        }
        let names = part.split(|c: char| !(c.is_ascii_alphanumeric() || "_.".contains(c)));
        let names = names.filter_map(|name| name.rsplit('.').next()).map(str::to_ascii_lowercase);
        words.extend(names.filter(|name| !name.is_empty() && !SAME.contains(&name.as_str())));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(rest: &str) -> Policy {
        Policy::read(&format!("create policy \"p\" on public.t {rest}")).unwrap()
    }

    #[test]
    fn what_postgresql_prints_means_the_same_and_what_was_changed_does_not() {
        let ours = policy(
            "for select to anon, authenticated\n using (status in ('live') or host = (select streamkeeper.me()))",
        );
        let printed = "for select to authenticated, anon using (((status = ANY (ARRAY['live'::text])) OR (host = ( SELECT streamkeeper.me() AS me))))";
        assert!(policy(printed).means(&ours));
        assert!(Policy::read(&ours.statement()).unwrap().means(&ours));
        for changed in [
            "for select to anon, authenticated using (true)",
            "for select to anon, authenticated using (status in ('live'))",
            "for select to anon, authenticated using (status in ('live', 'ended') or host = (select streamkeeper.me()))",
            "for select to anon, authenticated using (true or status in ('live') or host = (select streamkeeper.me()))",
            "for select using (status in ('live') or host = (select streamkeeper.me()))",
            "to anon, authenticated using (status in ('live') or host = (select streamkeeper.me()))",
            "for select to anon, authenticated using (status in ('live') or host = (select streamkeeper.me())) with check (true)",
        ] {
            assert!(!policy(changed).means(&ours), "{changed}");
        }
    }
}
