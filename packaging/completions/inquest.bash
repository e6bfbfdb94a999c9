# bash completion for inquest
_inquest() {
  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  COMPREPLY=()
  if [[ $COMP_CWORD -eq 1 ]]; then
    mapfile -t COMPREPLY < <(compgen -W 'doctor explain heap signature --help --version' -- "$word")
    return
  fi
  local files='--exe --sysroot --debug-dir --thread --no-cache' options
  case ${COMP_WORDS[1]} in
    doctor) options='--pid --unit --container --exe --debug-dir --json --help' ;;
    explain) options="$files --full --json --markdown --html --dump --help" ;;
    heap) options='--exe --sysroot --address --top --leaks --blocks --json --help' ;;
    signature) options="$files --explain --json --help" ;;
    *) return ;;
  esac
  case $previous in
    --dump)
      mapfile -t COMPREPLY < <(compgen -W 'image stacks facts verdict' -- "$word")
      return
      ;;
    --sysroot | --debug-dir)
      mapfile -t COMPREPLY < <(compgen -d -- "$word")
      return
      ;;
    --thread | --address | --top | --pid | --unit | --container) return ;;
  esac
  if [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  fi
}
complete -o filenames -F _inquest inquest
