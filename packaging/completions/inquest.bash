# bash completion for inquest
_inquest() {
  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  COMPREPLY=()
  if [[ $COMP_CWORD -eq 1 ]]; then
    mapfile -t COMPREPLY < <(compgen -W \
      'audit collect doctor drill explain export gc heap import install ls open pin py-list report rm run show signature stats uninstall unpin
      --help --version' -- "$word")
    return
  fi
  local places='--exe --sysroot --debug-dir' options
  local files="$places --thread --no-cache --vault"
  case ${COMP_WORDS[1]} in
    audit) options='--node --python --json --sarif --help' ;;
    collect) options='--set-pattern --listen --pipe --vault --full --slim --dead-time --analysis --help' ;;
    doctor) options='--pid --unit --container --exe --debug-dir --json --help' ;;
    drill) options='--crash-it --after --json --help' ;;
    install) options='--mode --socket --dry-run --help' ;;
    uninstall) options='--help' ;;
    explain) options="$files --full --json --markdown --html --dump --help" ;;
    report) options="$files --for --help" ;;
    heap) options='--exe --sysroot --address --top --leaks --blocks --json --help' ;;
    py-list) options="$files --frame --json --help" ;;
    signature) options="$files --explain --json --help" ;;
    ls) options='--signature --exe --since --limit --group --vault --json --help' ;;
    open) options="$places --debugger --vault --help" ;;
    export) options="$places --output --without-files --vault --json --help" ;;
    import) options="$places --vault --json --help" ;;
    run) options='--trace --core --vault --output --analysis --restart --restart-delay --restart-max-delay --healthy
      --max-restarts --give-up --stop-timeout --on-crash --on-storm --no-stderr --keep-ports --kernel-core --help' ;;
    gc) options='--quota --max-age --vault --json --help' ;;
    show | pin | unpin | rm | stats) options='--vault --json --help' ;;
    *) return ;;
  esac
  case $previous in
    --dump)
      mapfile -t COMPREPLY < <(compgen -W 'image stacks facts verdict' -- "$word")
      return
      ;;
    --for)
      mapfile -t COMPREPLY < <(compgen -W 'upstream ticket' -- "$word")
      return
      ;;
    --core)
      mapfile -t COMPREPLY < <(compgen -W 'slim full' -- "$word")
      return
      ;;
    --mode)
      mapfile -t COMPREPLY < <(compgen -W 'auto socket pipe' -- "$word")
      return
      ;;
    --give-up)
      mapfile -t COMPREPLY < <(compgen -W 'exit hold' -- "$word")
      return
      ;;
    --sysroot | --debug-dir | --vault)
      mapfile -t COMPREPLY < <(compgen -d -- "$word")
      return
      ;;
    --thread | --frame | --address | --top | --pid | --unit | --container | --signature | --since | --limit | --quota) return ;;
  esac
  case ${COMP_WORDS[1]} in
    show | open | export | pin | unpin | rm)
      if [[ $word != -* && $previous != --exe && $previous != --output && $previous != -o && $previous != --debugger ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(inquest ls --json 2>/dev/null |
          sed -n 's/^ *"id": "\([0-9a-f]\{12\}\).*/\1/p')" -- "$word")
        return
      fi
      ;;
  esac
  if [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  fi
}
complete -o filenames -F _inquest inquest
