// What the pages draw in the browser: cells of tables, lines of logs, and the state in the address.
// Texts of users only ever become text nodes.
"use strict";

const gridray = (() => {
  const make = (tag, name, text) => {
    const element = document.createElement(tag);
    if (name) element.className = name;
    if (text !== undefined && text !== null) element.textContent = text;
    return element;
  };

  // The state of a view is in the address, so that it can be shared and comes back.
  const parameters = () => new URLSearchParams(location.search);
  const remember = (values) => {
    const known = parameters();
    for (const [name, value] of Object.entries(values)) {
      if (value === null || value === undefined || value === "") known.delete(name);
      else known.set(name, value);
    }
    const text = known.toString();
    history.replaceState(history.state, "", location.pathname + (text ? "?" + text : ""));
  };

  const duration = (seconds) => {
    if (seconds === null || seconds === undefined) return "";
    if (seconds < 9.95) return seconds.toFixed(1) + " s";
    const total = Math.round(seconds);
    for (const [unit, length, part, partLength] of [
      ["d", 86400, "h", 3600], ["h", 3600, "min", 60], ["min", 60, "s", 1]]) {
      if (total >= length) {
        return `${Math.floor(total / length)} ${unit} ${Math.floor((total % length) / partLength)} ${part}`;
      }
    }
    return total + " s";
  };

  const number = (value) => {
    if (value === null || value === undefined) return "";
    if (typeof value !== "number") return String(value);
    if (Number.isInteger(value) && Math.abs(value) < 1e15) return String(value);
    const size = Math.abs(value);
    return size >= 1e-4 && size < 1e6 ? String(+value.toPrecision(5)) : value.toExponential(3);
  };

  const money = (value) => {
    if (value === null || value === undefined) return "";
    if (value > 0 && value < 0.00005) return "<$0.0001";
    return "$" + value.toFixed(value && value < 1 ? 4 : 2);
  };

  const day = 86400000;
  const moment = (seconds) => {
    if (!seconds) return "";
    const then = new Date(seconds * 1000);
    const clock = then.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
    if (then.toDateString() === new Date().toDateString()) return "today " + clock;
    if (then.toDateString() === new Date(Date.now() - day).toDateString()) return "yesterday " + clock;
    const two = (part) => String(part).padStart(2, "0");
    return `${then.getFullYear()}-${two(then.getMonth() + 1)}-${two(then.getDate())} ${clock}`;
  };

  // "nan" and "inf" are texts in JSON; what is no number comes last, whichever way is sorted.
  const value = (found) => (found === "inf" ? Infinity : found === "-inf" ? -Infinity : found);
  const compare = (left, right, nodeA, nodeB, isInverted) => {
    const [a, b] = [value(left), value(right)];
    const [isA, isB] = [typeof a === "number", typeof b === "number"];
    if (isA && isB) return a < b ? -1 : a > b ? 1 : 0;
    if (isA !== isB) return (isA ? -1 : 1) * (isInverted ? -1 : 1);
    return String(a ?? "").localeCompare(String(b ?? ""), undefined, { numeric: true });
  };

  const parsed = (text) => (text === null || text === undefined ? undefined : Number(text));

  const link = (address) => (params) => {
    if (!params.data) return "";
    const element = make("a", "cell-link", params.value);
    element.href = address + encodeURIComponent(params.data.name);
    return element;
  };

  const state = (params) => (params.value ? make("span", "state state-" + params.value, params.value) : "");

  const PARTS = ["succeeded", "failed", "cancelled", "running", "waiting"];
  const progress = (params) => {
    const counts = params.value || [];
    const bar = make("div", "bar");
    const words = [];
    counts.forEach((count, place) => {
      if (!count) return;
      const part = make("span", "bar-" + PARTS[place]);
      part.style.flexGrow = count;
      bar.append(part);
      words.push(`${count} ${PARTS[place]}`);
    });
    bar.title = words.join(", ");
    bar.setAttribute("role", "img");
    bar.setAttribute("aria-label", bar.title);
    return bar;
  };

  // Tables.
  const written = (name) => {
    try {
      return JSON.parse(parameters().get(name));
    } catch (error) {
      console.warn(`the ${name} in the address cannot be read`, error);
      return null;
    }
  };
  const recall = (table) => {
    const sort = parameters().get("sort") ?? "";
    const place = sort.lastIndexOf("~");
    if (place > 0) {
      const state = [{ colId: sort.slice(0, place), sort: sort.slice(place + 1) }];
      table.applyColumnState({ state, defaultState: { sort: null } });
    }
    for (const [isShown, name] of [[false, "hidden"], [true, "shown"]]) {
      if (Array.isArray(written(name))) table.setColumnsVisible(written(name), isShown);
    }
    if (written("filter")) table.setFilterModel(written("filter"));
    const search = parameters().get("search");
    if (search) table.setGridOption("quickFilterText", search);
  };

  const sorted = (event) => {
    const by = event.api.getColumnState().find((column) => column.sort);
    remember({ sort: by ? `${by.colId}~${by.sort}` : null });
  };
  const filtered = (event) => {
    const model = event.api.getFilterModel();
    remember({ filter: Object.keys(model).length ? JSON.stringify(model) : null });
    tell(event.api);
  };
  const tell = (api) => {
    const place = document.querySelector("[data-shown]");
    if (place) place.textContent = `${api.getDisplayedRowCount().toLocaleString()} shown`;
  };
  // On a phone only what is needed to know one row from another.
  const fit = (event) => {
    const isNarrow = document.body.clientWidth < 640;
    if (event.api.gridrayNarrow === isNarrow) return;
    event.api.gridrayNarrow = isNarrow;
    arrange(event.api, isNarrow);
  };
  const arrange = (table, isNarrow) => {
    const columns = (table.getColumns() ?? []).map((column) => ({ id: column.getColId(), ...column.getColDef() }));
    const ids = (found) => found.map((column) => column.id);
    const chosen = new Set(isNarrow ? [] : (written("hidden") ?? []));
    const wide = ids(columns.filter((column) => column.context?.wide && !chosen.has(column.id)));
    table.setColumnsVisible(wide, !isNarrow);
    table.setColumnWidths(columns.filter((column) => column.context?.narrow)
      .map((column) => ({ key: column.id, newWidth: isNarrow ? column.context.narrow : column.width })));
    const isLate = (column) => isNarrow && Boolean(column.context?.late);
    const known = new Set(ids(columns));
    // The column to choose rows by is none of ours.
    const others = table.getColumnState().map((column) => column.colId).filter((id) => !known.has(id));
    const order = [...others, ...ids(columns.filter((column) => !isLate(column))), ...ids(columns.filter(isLate))];
    table.applyColumnState({ state: order.map((colId) => ({ colId })), applyOrder: true });
  };
  const follow = (event) => {
    if (event.event?.key !== "Enter") return;
    event.event.target.querySelector?.("a")?.click();
  };

  const api = (id) => getElement(id)?.api;
  const fill = (id, columns, keys, values) => {
    const table = api(id);
    if (!table) return setTimeout(() => fill(id, columns, keys, values), 20);
    const rows = values.map((each) => {
      const row = {};
      keys.forEach((key, place) => { if (each[place] !== null) row[key] = each[place]; });
      return row;
    });
    table.updateGridOptions({ rowData: rows, ...(columns ? { columnDefs: columns.map(alive) } : {}) });
    if (!table.gridrayFilled) recall(table);
    table.gridrayFilled = true;
    if (columns) arrange(table, document.body.clientWidth < 640);
    tell(table);
  };
  const change = (id, add, update, remove) => {
    const table = api(id);
    if (!table) return;
    table.applyTransaction({ add, update, remove });
    tell(table);
  };
  // How a column is drawn is one of these names: nothing that comes with the data is evaluated.
  const KINDS = {
    run: { cellRenderer: link("/runs/") },
    experiment: { cellRenderer: link("/experiments/"), comparator: compare },
    state: { cellRenderer: state },
    progress: { cellRenderer: progress, cellDataType: false, sortable: false, filter: false },
    number: { cellClass: "num", headerClass: "num", comparator: compare, filter: "agNumberColumnFilter",
      valueFormatter: (params) => number(params.value),
      filterValueGetter: (params) => value(params.data[params.colDef.field]) },
    duration: { cellClass: "num", headerClass: "num", valueFormatter: (params) => duration(params.value),
      comparator: compare, filter: "agNumberColumnFilter" },
    money: { cellClass: "num", headerClass: "num", valueFormatter: (params) => money(params.value),
      comparator: compare, filter: "agNumberColumnFilter" },
    moment: { valueFormatter: (params) => moment(params.value), comparator: compare, filter: false },
    parameter: { comparator: compare, cellClass: "mono" },
    parameter_number: { comparator: (left, right, ...rest) => compare(parsed(left), parsed(right), ...rest),
      cellClass: "mono num", headerClass: "num", filter: "agNumberColumnFilter",
      filterValueGetter: (params) => parsed(params.data[params.colDef.field]) },
    text: {},
    mono: { cellClass: "mono" },
  };
  const alive = ({ kind, ...column }) => ({ ...KINDS[kind], ...column });
  const search = (id, text) => {
    api(id)?.setGridOption("quickFilterText", text);
    remember({ search: text });
    if (api(id)) tell(api(id));
  };
  const only = async (id, column, text) => {
    const table = api(id);
    const model = text ? { filterType: "text", type: "equals", filter: text } : null;
    await table.setColumnFilterModel(column, model);
    table.onFilterChanged();
  };
  const show = (id, column, isShown) => {
    const table = api(id);
    table.setColumnsVisible([column], isShown);
    // What differs from how the table is drawn at first.
    const names = (isHidden) => {
      const found = table.getColumns()
        .filter((each) => each.isVisible() !== isHidden && Boolean(each.getColDef().context?.hide) !== isHidden)
        .map((each) => each.getColId());
      return found.length ? JSON.stringify(found) : null;
    };
    remember({ hidden: names(true), shown: names(false) });
  };
  const chosen = (id) => api(id)?.getSelectedRows().map((row) => row.index) ?? [];
  const first = (id, count) => {
    const found = [];
    api(id)?.forEachNodeAfterFilterAndSort((node) => {
      if (found.length < count) found.push(node.data.index);
    });
    return found;
  };

  // Logs. Colours are drawn (ECMA-48, 8.3.117), all else that would control a terminal is left out.
  const CONTROL = /\x1b(?:\[([0-9;:]*)([@-~])|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])/g;
  const UNPRINTABLE = /[\x00-\x08\x0b-\x1f\x7f]/g;
  // A number is one of the colours in gridray.css, a text any other one.
  const colour = ([kind, ...parts]) => {
    if (kind === 2 && parts.length >= 3) return `rgb(${parts.slice(-3).join(" ")})`;
    const [index] = parts;
    if (kind !== 5 || !(index >= 0 && index <= 255)) return undefined;
    if (index < 16) return index % 8;
    const level = (part) => (part ? 55 + 40 * part : 0);
    const cube = index - 16;
    const [red, green, blue] = index < 232
      ? [Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6].map(level)
      : Array(3).fill(8 + 10 * (index - 232));
    return `rgb(${red} ${green} ${blue})`;
  };
  const styled = (codes, before) => {
    let style = before;
    const given = (codes || "0").split(";");
    while (given.length) {
      // A colour's parts follow it, or are within it, behind colons.
      const parts = given.shift().split(":").map(Number);
      const code = parts.shift();
      if (code === 38 || code === 48) {
        if (!parts.length) parts.push(...given.splice(0, given[0] === "5" ? 2 : 4).map(Number));
        if (code === 38) style = { ...style, color: colour(parts) };
      } else if (code === 0) style = {};
      else if (code === 1) style = { ...style, bold: true };
      else if (code === 22) style = { ...style, bold: false };
      else if (code >= 30 && code <= 37) style = { ...style, color: code - 30 };
      else if (code >= 90 && code <= 97) style = { ...style, color: code - 90 };
      else if (code === 39) style = { ...style, color: undefined };
    }
    return style;
  };
  const piece = (text, style) => {
    const clean = text.replace(UNPRINTABLE, "");
    if (style.color === undefined && !style.bold) return document.createTextNode(clean);
    const isNumber = typeof style.color === "number";
    const names = [style.bold ? "ansi-bold" : "", isNumber ? "ansi-" + style.color : ""];
    const element = make("span", names.join(" ").trim(), clean);
    if (!isNumber && style.color) element.style.color = style.color;
    return element;
  };
  const content = (text) => {
    // A progress bar draws over its line: what it drew last is what is seen.
    const drawn = text.replace(/\r+$/, "").split("\r").pop();
    const parts = document.createDocumentFragment();
    let [style, place] = [{}, 0];
    for (const match of drawn.matchAll(CONTROL)) {
      parts.append(piece(drawn.slice(place, match.index), style));
      if (match[2] === "m") style = styled(match[1], style);
      place = match.index + match[0].length;
    }
    parts.append(piece(drawn.slice(place), style));
    return parts;
  };

  const MOST_LINES = 20000;
  const logs = {};
  const log = (id) => {
    if (!logs[id]) logs[id] = { follows: true, search: "" };
    return logs[id];
  };
  const matches = (line, search) => !search || line.textContent.toLowerCase().includes(search);
  // Lines have their height only once they are near: the end is not where it seemed to be at first.
  const toEnd = (place, frames = 4) => {
    if (!log(place.id).follows) return;
    place.scrollTop = place.scrollHeight;
    if (frames) requestAnimationFrame(() => toEnd(place, frames - 1));
  };
  const append = (id, lines) => {
    const place = document.getElementById(id);
    if (!place) return;
    const parts = document.createDocumentFragment();
    const { search, follows } = log(id);
    for (const [time, text] of lines) {
      const line = make("div", time === null ? "line line-note" : "line");
      if (time !== null) {
        const clock = make("span", "line-time", time.slice(11, 19));
        clock.title = time;
        line.append(clock);
      }
      const body = make("span", "line-text");
      body.append(content(text));
      line.append(body);
      line.hidden = !matches(body, search);
      parts.append(line);
    }
    place.append(parts);
    // As high as there is room for below what is above it.
    place.style.setProperty("--above", `${Math.round(place.getBoundingClientRect().top + scrollY + 36)}px`);
    while (place.childElementCount > MOST_LINES) place.firstElementChild.remove();
    if (follows) toEnd(place);
    count(id);
  };
  const count = (id) => {
    const place = document.getElementById(id);
    const shown = document.querySelector(`[data-lines="${id}"]`);
    if (!shown) return;
    const all = place.childElementCount;
    const seen = log(id).search ? [...place.children].filter((line) => !line.hidden).length : all;
    shown.textContent = log(id).search ? `${seen.toLocaleString()} of ${all.toLocaleString()} lines` : `${all.toLocaleString()} lines`;
  };
  const find = (id, text) => {
    log(id).search = text.toLowerCase();
    for (const line of document.getElementById(id)?.children ?? []) {
      line.hidden = !matches(line.lastElementChild, log(id).search);
    }
    remember({ find: text });
    count(id);
  };
  const keepUp = (id, follows) => {
    log(id).follows = follows;
    const place = document.getElementById(id);
    if (follows && place) toEnd(place);
  };
  const clear = (id) => {
    document.getElementById(id)?.replaceChildren();
    count(id);
  };

  // "/" goes to the search of the page, as on other sites.
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest?.("input, textarea, [contenteditable=true]");
    if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    const field = [...document.querySelectorAll("input[data-search]")].find((each) => each.offsetParent);
    if (field) {
      event.preventDefault();
      field.focus();
    }
  });

  return { remember, sorted, filtered, fit, follow, fill, change, search, only, show, chosen,
    first, append, find, keepUp, clear };
})();
