// Functions that the columns of the table of trials name.
const dagfuncs = (window.dashAgGridFunctions = window.dashAgGridFunctions || {});

// Trials without a figure come last, whichever way the column is sorted.
dagfuncs.raynasBlanksLast = function (one, other, node, otherNode, descending) {
  if (one == null && other == null) return 0;
  if (one == null) return descending ? -1 : 1;
  if (other == null) return descending ? 1 : -1;
  return one - other;
};
