use std::collections::HashMap;

struct Account {
    balance: i64,
    entries: Vec<i64>,
}

struct Entry {
    account: String,
    amount: i64,
}

struct Ledger {
    accounts: HashMap<String, Account>,
}

impl Ledger {
    fn open(names: &[&str]) -> Ledger {
        let accounts = names
            .iter()
            .map(|name| (name.to_string(), Account { balance: 0, entries: Vec::new() }))
            .collect();
        Ledger { accounts }
    }

    #[inline(never)]
    fn apply(&mut self, entry: &Entry) -> i64 {
        let account = self.accounts.get_mut(&entry.account).unwrap(); // CRASH
        account.entries.push(entry.amount);
        account.balance += entry.amount;
        account.balance
    }
}

fn parse(line: &str) -> Option<Entry> {
    let (account, amount) = line.split_once(' ')?;
    Some(Entry { account: account.to_string(), amount: amount.parse().ok()? })
}

fn replay(ledger: &mut Ledger, journal: &str) -> i64 {
    journal.lines().filter_map(parse).map(|entry| ledger.apply(&entry)).sum()
}

fn main() {
    let mut ledger = Ledger::open(&["cash", "fees"]);
    println!("{}", replay(&mut ledger, "cash 100\nfees -3\nbroken\nreserve 20\n"));
}
