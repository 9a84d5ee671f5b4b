/** The shells that completion is for. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;
/** One of the shells. */
export type Shell = (typeof SHELLS)[number];

/** The verb that the scripts ask, with the words of the line so far. */
export const COMPLETE = '__complete';

/** The last line that is printed, as Cobra has it and so kubectl reads it: files are meant, which shells know better, or not. */
export const ENDS = { files: ':0', noFiles: ':4' } as const;

/** No COMP_WORDS of bash 3.2 and no IFS splits a candidate: one a line, its explanation behind a tab. */
const BASH = `# bash completion of hotwave: source <(hotwave completion bash)
_hotwave() {
  local word about current=\${COMP_WORDS[COMP_CWORD]}
  COMPREPLY=()
  while IFS=$'\\t' read -r word about; do
    if [[ $word == ${ENDS.files} ]]; then
      compopt -o filenames 2>/dev/null
      while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "$current")
    elif [[ $word != :* ]]; then
      COMPREPLY+=("$word")
    fi
  done < <(hotwave ${COMPLETE} -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _hotwave hotwave
`;

const ZSH = `#compdef hotwave
# zsh completion of hotwave, after compinit: source <(hotwave completion zsh)
_hotwave() {
  local word about
  local -a found
  while IFS=$'\\t' read -r word about; do
    if [[ $word == ${ENDS.files} ]]; then
      _files
      return
    fi
    [[ $word == :* ]] || found+=("\${word//:/\\\\:}:$about")
  done < <(hotwave ${COMPLETE} -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  (( $#found )) && _describe hotwave found
}
compdef _hotwave hotwave
`;

const FISH = `# fish completion of hotwave: hotwave completion fish | source
function __hotwave_complete
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  for line in (hotwave ${COMPLETE} -- $words[2..-1] "$current" 2>/dev/null)
    if test "$line" = ${ENDS.files}
      __fish_complete_path "$current"
    else if not string match -q ':*' -- "$line"
      echo $line
    end
  end
end
complete -c hotwave -f -a '(__hotwave_complete)'
`;

/** The scripts that make a shell complete the words of hotwave. */
export const SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH };
