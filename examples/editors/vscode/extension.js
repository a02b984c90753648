"use strict";
const {workspace} = require("vscode");
const {LanguageClient} = require("vscode-languageclient/node");

let client;

exports.activate = () => {
  const [command, ...args] = workspace.getConfiguration("netspec").get("command");
  const selector = [{language: "yaml"}];
  client = new LanguageClient("netspec", {command, args}, {documentSelector: selector});
  return client.start();
};

exports.deactivate = () => client?.stop();
