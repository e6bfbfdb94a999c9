# bash completion for inquest
_inquest() {
  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  COMPREPLY=()
  if [[ $COMP_CWORD -eq 1 ]]; then
    mapfile -t COMPREPLY < <(compgen -W 'explain heap --help --version' -- "$word")
    return
  fi
  [[ ${COMP_WORDS[1]} == explain || ${COMP_WORDS[1]} == heap ]] || return
  case $previous in
    --dump)
      mapfile -t COMPREPLY < <(compgen -W 'image stacks facts verdict' -- "$word")
      return
      ;;
    --sysroot | --debug-dir)
      mapfile -t COMPREPLY < <(compgen -d -- "$word")
      return
      ;;
    --thread | --address | --top) return ;;
  esac
  if [[ $word == -* && ${COMP_WORDS[1]} == heap ]]; then
    mapfile -t COMPREPLY < <(compgen -W '--exe --sysroot --address --top --leaks --blocks --json --help' -- "$word")
  elif [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W '--exe --sysroot --debug-dir --thread --full --no-cache --json
      --markdown --html --dump --help' -- "$word")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  fi
}
complete -o filenames -F _inquest inquest
