-- What Neovim makes of `netspec lsp`: mistakes, a hover and a code action, as one JSON object.
-- nvim --headless -u NONE -l is newer than 0.7, so: nvim --headless -u NONE -c 'luafile …' SPEC

local function ask(method, params)
  local answers = vim.lsp.buf_request_sync(0, method, params, 20000)
  local _, answer = next(answers or {})
  return answer and answer.result
end

local function run()
  local client = vim.lsp.start_client({
    name = "netspec",
    cmd = { vim.env.PYTHON, "-m", "netspec", "lsp" },
    root_dir = vim.fn.getcwd(),
  })
  vim.lsp.buf_attach_client(0, client)
  assert(vim.wait(20000, function() return #vim.diagnostic.get(0) > 0 end, 20), "no diagnostics")
  local found = { mistakes = vim.diagnostic.get(0) }
  local mistake = found.mistakes[1]
  vim.api.nvim_win_set_cursor(0, { mistake.lnum + 1, mistake.col })
  local params = vim.lsp.util.make_range_params()
  params.context = { diagnostics = vim.lsp.diagnostic.get_line_diagnostics(0) }
  local action = ask("textDocument/codeAction", params)[1]
  found.action = action.title
  vim.lsp.util.apply_workspace_edit(action.edit, "utf-16")
  found.lines = vim.api.nvim_buf_get_lines(0, 0, -1, false)
  assert(vim.wait(20000, function() return #vim.diagnostic.get(0) == 0 end, 20), "not mended")
  local hover = ask("textDocument/hover", vim.lsp.util.make_position_params())
  found.hover = hover.contents.value
  return found
end

local good, result = pcall(run)
io.stdout:write(vim.json and vim.json.encode({ good = good, result = result })
  or vim.fn.json_encode({ good = good, result = result }))
vim.cmd("qa!")
