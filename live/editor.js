// What the page's own scripts use of CodeMirror: the one entry of the bundle.
export { basicSetup } from "codemirror";
export { indentWithTab } from "@codemirror/commands";
export { python } from "@codemirror/lang-python";
export { yaml } from "@codemirror/lang-yaml";
export { indentService, syntaxHighlighting } from "@codemirror/language";
export { nextDiagnostic, setDiagnostics } from "@codemirror/lint";
export {
  LSPClient, formatKeymap, hoverTooltips, jumpToDefinitionKeymap, serverCompletion, signatureHelp,
} from "@codemirror/lsp-client";
export {
  Compartment, EditorSelection, EditorState, Prec, StateEffect, StateField, Text, Transaction,
} from "@codemirror/state";
export { Decoration, EditorView, WidgetType, keymap } from "@codemirror/view";
export { classHighlighter } from "@lezer/highlight";
