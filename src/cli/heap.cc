#include "diagnosis/facts/heap.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <memory>

#include "cli/commands.h"
#include "cli/evidence.h"
#include "cli/heap_report.h"
#include "cli/worker.h"
#include "process/input/load.h"
#include "process/modules/modules.h"

namespace inquest::cli {
namespace {

constexpr size_t kMaxPointers = 24;
constexpr uint64_t kMaxHeapSearched = uint64_t{1} << 30;

struct Options {
  std::string input;
  process::ModuleOptions modules;
  std::string address;
  size_t top = 10;
  bool leaks = false;
  bool blocks = false;
  bool json = false;
};

std::optional<Address> parse_address(std::string_view text) {
  if (text.starts_with("0x") || text.starts_with("0X")) text.remove_prefix(2);
  uint64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (failure != std::errc() || end != text.data() + text.size() || text.empty())
    return std::nullopt;
  return Address(value);
}

// One block a line: for other programs.
void print_blocks(process::Allocator& allocator) {
  allocator.visit([&](std::span<const process::Block> blocks) {
    std::string text;
    for (const process::Block& block : blocks) {
      text += fmt::format("{} {} {} {}\n", to_hex(block.start), block.size, to_string(block.state),
                          allocator.places()[block.place]);
    }
    return std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  });
}

std::string place_of(const process::HeapInput& input, const process::Reference& reference) {
  const int32_t tid =
      reference.thread < input.image.threads.size() ? input.image.threads[reference.thread].tid : 0;
  if (!reference.register_name.empty())
    return fmt::format("{} of thread {}", reference.register_name, tid);
  switch (reference.kind) {
    case process::Root::Kind::kStack:
      return fmt::format("the stack of thread {}", tid);
    case process::Root::Kind::kGlobal:
      return "data of " + (reference.module != nullptr ? reference.module->name : "a module");
    case process::Root::Kind::kHeap:
      return "the heap";
    case process::Root::Kind::kOther:
      break;
  }
  return "other memory";
}

void add_pointers(const process::HeapInput& input, const process::Allocator& allocator,
                  HeapAnswer& answer) {
  const process::Block& block = answer.located.block;
  process::ReferenceSearch search;
  search.target = {block.start, block.start + std::max<uint64_t>(block.size, 1)};
  for (const process::HeapRegion& region : allocator.regions()) search.heap.push_back(region.range);
  search.records = allocator.records();
  search.max_heap_bytes = kMaxHeapSearched;
  search.max_found = kMaxPointers;
  const process::References found = process::find_references(input, search);
  answer.heap_searched = found.heap_searched;
  answer.more_pointers = found.cut;
  const process::ObjectNamer namer(input);
  for (const process::Reference& reference : found.found) {
    answer.pointers.push_back({place_of(input, reference), reference.at, reference.to});
    if (!answer.type.empty() || !reference.register_name.empty()) continue;
    if (const auto name = namer.by_owner(block, reference.at)) {
      answer.type = name->shape;
      answer.type_by = "what points at it from " + to_hex(reference.at);
      answer.contents = name->contents;
    }
  }
}

// The allocator answers from the surroundings when known boundaries are far: here there is time to
// walk all the way.
void prove(process::Allocator& allocator, process::Located& located, Address address) {
  std::optional<process::Block> before;
  bool found = false;
  allocator.visit([&](std::span<const process::Block> blocks) {
    for (const process::Block& block : blocks) {
      if (found) {
        located.behind = block;
        return false;
      }
      found = block.start - 16 <= address && address < block.start - 16 + block.footprint;
      if (found && block.state == process::BlockState::kUnknown) return false;
      if (found) {
        located.block = block;
        located.before = before;
        located.proven = true;
        located.proof = "walked there from the start of its arena";
      }
      before = block;
    }
    return true;
  });
}

std::optional<HeapAnswer> ask(const process::HeapInput& input, process::Allocator& allocator,
                              Address address) {
  auto located = allocator.locate(address);
  const auto& regions = allocator.regions();
  const bool inside = std::any_of(regions.begin(), regions.end(), [&](const auto& region) {
    return region.range.contains(address);
  });
  if (!located && inside) located.emplace();
  if (!located) return std::nullopt;
  if (!located->proven && allocator.walking_proves() &&
      located->block.state != process::BlockState::kUnknown)
    prove(allocator, *located, address);
  if (located->block.size == 0) return std::nullopt;
  HeapAnswer answer{.address = address,
                    .located = *located,
                    .type = {},
                    .type_by = {},
                    .contents = {},
                    .pointers = {}};
  if (const auto name = process::ObjectNamer(input).by_vtable(answer.located.block.start)) {
    answer.type = diagnosis::type_of_mangled(name->mangled);
    answer.type_by = "its virtual table";
  }
  add_pointers(input, allocator, answer);
  const Address near[] = {address};
  allocator.check(near);
  return answer;
}

int fail(std::string message) { return refuse({ErrorCode::kNotFound, std::move(message)}); }

int report_heaps(const Options& options, const process::HeapInput& input,
                 std::span<const std::unique_ptr<process::Allocator>> allocators) {
  HeapReport report;
  report.source = input.image.source;
  if (!options.address.empty()) report.address = parse_address(options.address);
  bool answered = false;
  for (const auto& allocator : allocators) {
    HeapOfAllocator heap;
    heap.name = allocator->name();
    if (report.address) {
      heap.answer = ask(input, *allocator, *report.address);
      answered = answered || heap.answer;
    } else {
      heap.census = process::take_census(input, *allocator, options.top);
    }
    heap.regions = allocator->regions();
    heap.damage = allocator->damage();
    heap.notes = allocator->notes();
    if (!report.address || heap.answer) report.allocators.push_back(std::move(heap));
  }
  if (report.address && !answered) {
    return fail(fmt::format("{}: {} lies in no heap that was recognised", report.source,
                            to_hex(*report.address)));
  }
  if (options.leaks) report.unreachable = process::find_unreachable(input, allocators, options.top);
  return print(options.json ? render_heap_json(report) : render_heap_text(report));
}

// Runs in the worker.
int heap(const Options& options) {
  const auto image = process::load(options.input);
  if (!image.ok()) return refuse(image.error());
  const auto modules = process::ModuleSet::resolve(*image, options.modules);
  const process::HeapInput input = process::heap_input(*image, modules);
  const auto allocators = process::recognise(input);
  const auto unread = process::unread_allocators(input, allocators);
  if (allocators.empty()) {
    return fail(
        fmt::format("{}: no allocator that can be read was recognised{}{}. The program may never "
                    "have allocated, "
                    "its allocator's data may not be in the core, or it uses one that is not known",
                    options.input, unread.empty() ? "" : "; there is ",
                    unread.empty() ? std::string() : unread.front()));
  }
  for (const std::string& name : unread)
    std::fprintf(stderr, "inquest: blocks of %s are not shown: it cannot be read\n", name.c_str());
  if (!options.blocks) return report_heaps(options, input, allocators);
  for (const auto& allocator : allocators) print_blocks(*allocator);
  return kExitOk;
}

}  // namespace

void add_heap(CLI::App& app, std::function<int()>& chosen) {
  auto options = std::make_shared<Options>();  // outlives parsing, for the callback below
  CLI::App* command =
      app.add_subcommand("heap", "Show what the heap of a dead process holds, from its core");
  command->add_option("INPUT", options->input, "an ELF core, or - for standard input")->required();
  add_file_options(*command, options->modules);
  auto* address =
      command
          ->add_option("--address", options->address, "tell all about this address (hexadecimal)")
          ->type_name("A")
          ->check([](const std::string& text) {
            return parse_address(text) ? std::string() : text + " is no hexadecimal address";
          });
  command->add_option("--top", options->top, "rows of each list (10)")->type_name("N");
  auto* leaks =
      command->add_flag("--leaks", options->leaks, "look for blocks that nothing leads to");
  auto* json = command->add_flag("--json", options->json, "print the report as JSON");
  command->add_flag("--blocks", options->blocks, "print every block, one a line")
      ->excludes(address)
      ->excludes(leaks)
      ->excludes(json);
  command->callback([options, &chosen] {
    chosen = [options] {
      return run_in_worker(options->input, {}, [options] { return heap(*options); });
    };
  });
}

}  // namespace inquest::cli
