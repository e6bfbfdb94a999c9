#include "diagnosis/engine/engine.h"

#include "diagnosis/facts/derive.h"
#include "process/input/load.h"
#include "process/symbols/symbols.h"
#include "process/symbols/variables.h"
#include "process/unwind/unwind.h"

namespace inquest::diagnosis {

Result<Diagnosis> diagnose(const DiagnoseOptions& options) {
  INQ_TRY(process::ProcessImage image, process::load(options.input));
  const process::ModuleSet modules = process::ModuleSet::resolve(image, options.modules);
  process::Unwinder unwinder(image, modules);
  process::Symbolizer symbols(modules, {.cache_dir = options.symbol_cache_dir,
                                        .use_cache = !options.symbol_cache_dir.empty()});
  process::VariableReader variables(image, modules, symbols.debug_infos());
  Facts facts = derive({.image = image,
                        .modules = modules,
                        .unwinder = unwinder,
                        .symbols = symbols,
                        .variables = &variables,
                        .full = options.full,
                        .thread = options.thread,
                        .all_threads = options.all_threads});
  symbols.save();
  Verdict verdict = judge(facts);
  return Diagnosis{std::move(image), std::move(facts), std::move(verdict)};
}

}  // namespace inquest::diagnosis
