use std::process;

#[derive(Debug)]
struct Record {
    index: u64,
    term: u64,
}

struct Replica {
    name: String,
    log: Vec<Record>,
    committed: u64,
}

impl Replica {
    fn append(&mut self, line: &str) {
        if let Some((index, term)) = line.split_once(':') {
            if let (Ok(index), Ok(term)) = (index.parse(), term.parse()) {
                self.log.push(Record { index, term });
            }
        }
    }

    #[inline(never)]
    fn commit(&mut self, record: usize) -> u64 {
        let record = &self.log[record];
        if record.index != self.committed + 1 {
            eprintln!(
                "{}: gap in the log: committed {}, next is {:?}",
                self.name, self.committed, record
            );
            process::abort(); // CRASH
        }
        self.committed = record.index;
        record.term
    }
}

fn recover(lines: &[&str]) -> u64 {
    let mut replica = Replica { name: "replica-2".into(), log: Vec::new(), committed: 0 };
    for line in lines {
        replica.append(line);
    }
    (0..replica.log.len()).map(|record| replica.commit(record)).sum()
}

fn main() {
    println!("{}", recover(&["1:1", "2:1", "4:2", "5:2"]));
}
