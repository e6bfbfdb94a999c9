struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    nodes: u64,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Parser<'a> {
        Parser { text: text.as_bytes(), at: 0, nodes: 0 }
    }

    fn peek(&self) -> u8 { // CRASH-ALSO
        self.text.get(self.at).copied().unwrap_or(0) // CRASH-ALSO
    }

    #[inline(never)]
    fn skip(&mut self) { // CRASH-ALSO
        while self.peek().is_ascii_whitespace() { // CRASH-ALSO
            self.at += 1;
        }
    }

    #[inline(never)]
    fn array(&mut self, depth: u32) -> Vec<u64> { // CRASH-ALSO
        let mut items = Vec::new(); // CRASH-ALSO
        self.at += 1;
        while self.peek() != b']' && self.peek() != 0 {
            items.push(self.value(depth + 1)); // CRASH-ALSO
            if self.peek() == b',' {
                self.at += 1;
            }
        }
        self.at += 1;
        items
    }

    #[inline(never)]
    fn value(&mut self, depth: u32) -> u64 { // CRASH-ALSO
        self.skip(); // CRASH-ALSO
        self.nodes += 1;
        if self.peek() == b'[' {
            return self.array(depth).iter().sum::<u64>() + u64::from(depth); // CRASH
        }
        let mut number = 0;
        while self.peek().is_ascii_digit() {
            number = number * 10 + u64::from(self.peek() - b'0');
            self.at += 1;
        }
        number
    }
}

fn main() {
    let text = "[".repeat(500_000);
    let mut parser = Parser::new(&text);
    println!("{} {}", parser.value(0), parser.nodes);
}
